/**
 * Pinned maps: a file that several processes map. Its permissions say who may; whoever changes its directory holds its
 * lock. Blocks never move and are never removed.
 */

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { InputError } from "../../formats/error.ts";
import { nextBlock, PIN, type PinEntry, type PinFile, readPin, writePin } from "../../formats/pin.ts";
import type { Definition } from "../maps/library.ts";
import { type Block, checkSame, claim, type MapStore, type SharedMaps, unclaim } from "../maps/store.ts";
import * as libc from "./libc.ts";

const REASONS: Record<string, string> = {
  ENOENT: "no such file or directory",
  EACCES: "a file without permission to read and write",
  EPERM: "a file without permission to read and write",
  EISDIR: "a directory",
  EROFS: "a read-only file system",
};

function openFile(path: string, create: boolean): number {
  try {
    return openSync(path, constants.O_RDWR | (create ? constants.O_CREAT : 0), 0o600);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new InputError("ERR_RUNBPF_MAP", {
      where: path,
      expected: "a file that can be read and written",
      got: REASONS[code] ?? message,
    });
  }
}

function readDirectory(fd: number, path: string): PinFile {
  const { size } = fstatSync(fd);
  const bytes = new Uint8Array(Math.min(size, PIN.blocks));
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(fd, bytes, done, bytes.length - done, done);
    if (count === 0) break;
    done += count;
  }
  return readPin(bytes, size, path);
}

function writeDirectory(fd: number, file: PinFile): void {
  const { header, directory } = writePin(file);
  // The header last: its checksum makes the rest valid.
  if (directory.length > 0) writeSync(fd, directory, 0, directory.length, PIN.directory);
  writeSync(fd, header, 0, header.length, 0);
}

export class PinnedStore implements MapStore {
  readonly cpus: number;
  readonly blocks: Block[] = [];
  private readonly path: string;
  private readonly fd: number;
  private readonly threads: Int32Array;
  private readonly mapped: { at: number; size: number }[] = [];
  private users = 1;
  private owner = 0;

  /** Opens `path`, or makes it. Throws ERR_RUNBPF_MAP where it is no file of pinned maps. */
  constructor(path: string, cpus: number, create: boolean) {
    this.path = path;
    this.fd = openFile(path, create);
    try {
      const stat = fstatSync(this.fd);
      if (!stat.isFile())
        throw new InputError("ERR_RUNBPF_MAP", { where: path, expected: "a file", got: "something else" });
      const file = this.locked(() => {
        if (fstatSync(this.fd).size === 0) {
          ftruncateSync(this.fd, PIN.blocks);
          writeDirectory(this.fd, { cpus, size: PIN.blocks, entries: [] });
        }
        return readDirectory(this.fd, path);
      });
      this.cpus = file.cpus;
      this.threads = new Int32Array(libc.view(this.map(0, PIN.directory) + PIN.threads, 4 * file.cpus));
      for (const entry of file.entries) this.blocks.push(this.open(entry, false));
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  private locked<T>(work: () => T): T {
    libc.lockFile(this.fd);
    try {
      return work();
    } finally {
      libc.unlockFile(this.fd);
    }
  }

  private map(offset: number, size: number): number {
    const at = libc.mapFile(this.fd, offset, size);
    this.mapped.push({ at, size });
    return at;
  }

  private open({ name, is, offset, size }: PinEntry, isNew: boolean): Block {
    return { name, is, bytes: new Uint8Array(libc.view(this.map(offset, size), size)), isNew };
  }

  private check(block: Block, is: Definition, size: number): Block {
    const where = `${this.path}: map ${block.name}`;
    checkSame(where, block.is, is);
    if (block.bytes.length !== size)
      throw new InputError("ERR_RUNBPF_MAP", {
        where,
        expected: `${size} bytes`,
        got: `${block.bytes.length}`,
        hint: "made by another version",
      });
    return block;
  }

  block(name: string, is: Definition, size: number, create: (bytes: Uint8Array) => void): Block {
    const known = this.blocks.find((block) => block.name === name);
    if (known !== undefined) return this.check(known, is, size);
    return this.locked(() => {
      // Another process may have been faster.
      const file = readDirectory(this.fd, this.path);
      const there = file.entries.find((entry) => entry.name === name);
      const made = there === undefined ? this.add(file, name, is, size, create) : this.open(there, false);
      this.blocks.push(made);
      return this.check(made, is, size);
    });
  }

  /** Others see a map once it is whole: the directory is written last. */
  private add(
    file: PinFile,
    name: string,
    is: Definition,
    size: number,
    create: (bytes: Uint8Array) => void,
  ): Block {
    if (file.entries.length === PIN.most)
      throw new InputError("ERR_RUNBPF_MAP", {
        where: this.path,
        expected: `at most ${PIN.most} maps`,
        got: "one more",
      });
    const entry = { name, is, offset: nextBlock(file), size };
    const end = entry.offset + size;
    // What stands behind the maps is none: it has to read as zeros.
    ftruncateSync(this.fd, file.size);
    ftruncateSync(this.fd, end);
    const block = this.open(entry, true);
    create(block.bytes);
    writeDirectory(this.fd, { ...file, size: end, entries: [...file.entries, entry] });
    return block;
  }

  join(owner: number, isAlive: (owner: number) => boolean): number {
    this.owner = owner;
    return claim(this.threads, this.cpus, owner, isAlive, this.path);
  }

  /** The next version of a program uses the same file. */
  keep(): MapStore {
    this.users++;
    return this;
  }

  handOver(): SharedMaps {
    return { path: this.path };
  }

  release(): void {
    if (--this.users > 0) return;
    unclaim(this.threads, this.cpus, this.owner);
    for (const { at, size } of this.mapped) libc.unmap(at, size);
    closeSync(this.fd);
  }
}
