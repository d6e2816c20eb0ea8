/** What the runtime asks of an engine: images of code, instances of images, and their memory. */

import type { Arch, Container } from "../../formats/container.ts";
import type { Helper, HelperContext, Word } from "../../helpers/host.ts";
import type { Binding } from "../maps/bind.ts";
import type { MapMachine } from "../maps/library.ts";

export interface Engine {
  readonly name: "native" | "interpret";
  /** Architecture of the containers that it runs. */
  readonly arch: Arch;
  load(container: Container): EngineImage;
}

/** Makes the maps of an instance in its memory. */
export type BindMaps = (machine: MapMachine) => Binding;

/** Code that many instances share; freed by release() once the last instance is gone. */
export interface EngineImage {
  instantiate(options: InstanceOptions): EngineInstance;
  release(): void;
}

export interface InstanceOptions {
  /** For messages. */
  name: string;
  /** By slot of the import table; undefined where the slot is not a helper. */
  helpers: (Helper | undefined)[];
  /** Undefined where the container has no maps. */
  maps: BindMaps | undefined;
  /** Made when the first helper is called. */
  context(memory: GuestMemory): HelperContext;
  /** Milliseconds that a run may take, 0 = as long as it likes. */
  timeout: number;
  debug: Container["debug"];
}

/** Memory as the program sees it. A bad address is a RunError. */
export interface GuestMemory {
  read(address: Word, size: number): Uint8Array;
  write(address: Word, bytes: Uint8Array): void;
  cstring(address: Word, max?: number): Uint8Array;
  alloc(size: number): Word;
  free(address: Word): void;
  realloc(address: Word, size: number): Word;
  call(fn: Word, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word): bigint;
}

/** A number, or bytes whose address is passed: they are the program's for the time of the call. */
export type Argument = Word | Uint8Array;

export interface EngineInstance {
  readonly memory: GuestMemory;
  /** The address of bytes that stay where they are until the instance is released. */
  expose(bytes: Uint8Array, name: string): Word;
  /** The instance's .data and .bss, live. */
  readonly data: Uint8Array;
  /** r0, as an unsigned 64-bit number. `program` is an index into the container's programs, `count` = how many arguments count. */
  run(
    program: number,
    count: number,
    a1: Argument,
    a2: Argument,
    a3: Argument,
    a4: Argument,
    a5: Argument,
  ): bigint;
  /** Frees what the instance has, at once or when its last call returns. */
  release(): void;
}
