/** Public entry `runbpf/formats`: reading and writing containers. */

export { readBare, writeBare } from "./bare.ts";
export {
  ARCHES,
  type Arch,
  CONTEXTS,
  type Container,
  type ContextName,
  type Contract,
  type DataSymbol,
  type DebugInfo,
  type Import,
  MAP_TYPE,
  type MapDefinition,
  type ProgramEntry,
  type Relocation,
} from "./container.ts";
export { type ContextField, type ContextLayout, LAYOUTS, parseLayout } from "./contexts.ts";
export { type ErrorCode, InputError } from "./error.ts";
export { containerFormat, readContainer } from "./read.ts";
export { readSpf, spfTargets, writeSpf } from "./spf.ts";
