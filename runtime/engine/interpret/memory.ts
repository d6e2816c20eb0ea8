/**
 * The interpreter's address space: the upper word of an address names a region, the lower word is an offset in it.
 * Every access is checked against its region; arithmetic that leaves a region leaves every region.
 */

import { RunError, type Word } from "../../../helpers/host.ts";

/** Region numbers start here, so that small integers are no addresses; they stay below 2^21 (exact as numbers). */
const FIRST = 0x1000;
const LIMIT = 0x100000;

export class Region {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly size: number;
  readonly writable: boolean;
  /** Other threads may be at work in it. */
  readonly shared: boolean;
  /** Upper word of its addresses. */
  high = 0;

  constructor(name: string, bytes: Uint8Array, writable: boolean, shared = false) {
    this.name = name;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.size = bytes.length;
    this.writable = writable;
    this.shared = shared;
  }

  /** Its first address. */
  get address(): number {
    return this.high * 2 ** 32;
  }
}

export class AddressSpace {
  private readonly regions: (Region | undefined)[] = [];
  private readonly free: number[] = [];

  add(region: Region): Region {
    const index = this.free.pop() ?? this.regions.length;
    if (index >= LIMIT - FIRST) throw new RunError("ERR_RUNBPF_FAULT", "more regions of memory than fit");
    this.regions[index] = region;
    region.high = index + FIRST;
    return region;
  }

  remove(region: Region): void {
    this.regions[region.high - FIRST] = undefined;
    this.free.push(region.high - FIRST);
  }

  /** The region of an upper word. */
  at(high: number): Region | undefined {
    return this.regions[high - FIRST];
  }

  /** Region and offset of `size` bytes at `address`; a RunError says what is there instead. */
  range(address: Word, size: number, write: boolean): { region: Region; offset: number } {
    const high = Number(BigInt.asUintN(32, BigInt(address) >> 32n));
    const offset = Number(BigInt.asUintN(32, BigInt(address)));
    const region = this.at(high);
    if (region === undefined || offset + size > region.size || (write && !region.writable))
      throw new RunError("ERR_RUNBPF_FAULT", describe(region, offset, size, write, address));
    return { region, offset };
  }
}

/** "a write of 8 bytes at stack + 508, which has 512 bytes". */
export function describe(
  region: Region | undefined,
  offset: number,
  size: number,
  write: boolean,
  address: Word,
): string {
  const access = `a ${write ? "write" : "read"} of ${size} byte${size === 1 ? "" : "s"} at`;
  if (region === undefined) return `${access} address 0x${address.toString(16)}, where no memory is`;
  if (write && !region.writable) return `${access} ${region.name} + ${offset}, which is read-only`;
  return `${access} ${region.name} + ${offset}, which has ${region.size} bytes`;
}
