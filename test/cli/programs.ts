/** Small programs for tests of the command line, in assembly text. */

import { assemble } from "../../formats/isa/bpf.ts";

export const assembled = (text: string): Uint8Array => assemble(text);
