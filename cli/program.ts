/** What the bundle of the command line offers to whoever loads it. */

export { execute } from "./execute.ts";
export { processIo } from "./io.ts";
