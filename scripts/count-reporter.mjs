/** A vitest reporter that writes how many tests passed and failed to the file that RUNBPF_COUNT names. */

import { writeFileSync } from "node:fs";

export default class {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length };
    for (const module of modules) {
      // A file that does not even load has no failed test, and is one.
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed" || state === "failed") count[state]++;
      }
    }
    writeFileSync(process.env.RUNBPF_COUNT, JSON.stringify(count));
  }
}
