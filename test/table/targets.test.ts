/** docs/targets.md says what compiling shows. */

import { expect, test } from "vitest";
import { targetDocs } from "../../scripts/docs.ts";

test("docs/targets.md is up to date (vitest -u writes it)", async () => {
  await expect(targetDocs()).toMatchFileSnapshot("../../docs/targets.md");
});
