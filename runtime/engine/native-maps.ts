/** The map library as machine code: placed once per thread, called like guest code, so that a fault in it is an error. */

import { readFileSync } from "node:fs";
import type { Arch } from "../../formats/container.ts";
import { bug } from "../../formats/error.ts";
import { readSpf } from "../../formats/spf.ts";
import type { Word } from "../../helpers/host.ts";
import { LIBRARY as ARM64 } from "../library/arm64.ts";
import { LIBRARY as X64 } from "../library/x64.ts";
import { type LibraryFunction, type MapMachine, sectionOf } from "../maps/library.ts";
import * as libc from "./libc.ts";
import type { NativeInstance } from "./native.ts";
import type { Callable, Thread } from "./thread.ts";

const LIBRARIES: Partial<Record<string, string>> = { x64: X64, arm64: ARM64 };

/** Addresses of the library's functions by section; made for a thread when its first map is. */
const placed = new WeakMap<Thread, Map<string, number>>();

function libraryOf(thread: Thread): Map<string, number> {
  let functions = placed.get(thread);
  if (functions === undefined) {
    const text = LIBRARIES[process.arch] ?? bug(`no map library for ${process.arch}`);
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const { code, programs } = readSpf(bytes, "map library", process.arch as Arch);
    const { at } = thread.arena.place(code);
    functions = new Map(programs.map(({ hook, offset }) => [hook, at + offset]));
    placed.set(thread, functions);
  }
  return functions;
}

/** The address of a helper that the library serves. */
export const helperOf = (thread: Thread, id: number): number =>
  libraryOf(thread).get(`helper/${id}`) ?? bug(`no helper ${id} in the map library`);

const ESRCH = 3;

/** Whether a thread of this machine lives: kill with signal 0 says so, but of zombies, which hold nothing any more. */
export function isAlive(owner: number): boolean {
  if (libc.kill(owner, 0) !== 0 && libc.errno() === ESRCH) return false;
  try {
    const stat = readFileSync(`/proc/${owner}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return true; // nothing more is known of it
  }
}

const askAlive = (_context: unknown, owner: Word): number => (isAlive(Number(owner)) ? 1 : 0);

export class NativeMaps implements MapMachine {
  private readonly instance: NativeInstance;
  private readonly codeAt: number;
  private readonly got: number;
  private readonly calls = new Map<LibraryFunction, { entry: number; call: Callable }>();
  /** What the library has addresses of. */
  private readonly held: Uint8Array[] = [];
  readonly alive: Word;

  constructor(instance: NativeInstance, codeAt: number, got: number) {
    this.instance = instance;
    this.codeAt = codeAt;
    this.got = got;
    this.alive = instance.thread.helper(askAlive);
  }

  expose(bytes: Uint8Array): Word {
    this.held.push(bytes);
    return bytes.length === 0 ? 0 : libc.addressOf(bytes);
  }

  call(name: LibraryFunction, a1: Word, a2: Word = 0, a3: Word = 0, a4: Word = 0, a5: Word = 0): number {
    let found = this.calls.get(name);
    if (found === undefined) {
      const { thread } = this.instance;
      const code = libraryOf(thread).get(sectionOf(name)) ?? bug(`no ${name} in the map library`);
      const entry = thread.entry(code, this.got);
      found = { entry, call: thread.entryCall(entry, 5) };
      this.calls.set(name, found);
    }
    return Number(BigInt.asIntN(64, this.instance.enter(found.call, a1, a2, a3, a4, a5)));
  }

  entry(program: number): Word {
    return this.codeAt + this.instance.image.container.programs[program].offset;
  }

  release(): void {
    const { thread } = this.instance;
    for (const { entry } of this.calls.values()) thread.arena.freeSlot(entry);
    thread.releaseHelper(askAlive);
  }
}
