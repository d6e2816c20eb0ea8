/** Public entry `runbpf`: compile, run and read containers. `runbpf/compiler`, `/runtime` and `/formats` have the parts. */

export * from "./compiler/index.ts";
export { readBare, readContainer, readSpf, writeBare, writeSpf } from "./formats/index.ts";
export * from "./runtime/index.ts";
