/** Random programs that load and store few bytes again and again: of the frame and of the memory, at fixed and variable places. */

import { helperByName } from "../../helpers/table.ts";

type Random = (n: number) => number;

/** Bytes of the frame, and of the memory, that are used. */
const ROOM = 40;
const LOADS = [
  ["u8", 1],
  ["u16", 2],
  ["u32", 4],
  ["u64", 8],
  ["s8", 1],
  ["s16", 2],
  ["s32", 4],
] as const;
const NUMBERS = [0, 2, 3, 4, 5];

class Writer {
  readonly lines: string[] = [];
  private readonly random: Random;
  private labels = 0;
  private depth = 0;
  /** The frame's address is given away. */
  private readonly escapes: boolean;

  constructor(random: Random) {
    this.random = random;
    this.escapes = random(5) === 0;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)];
  }

  private number(): string {
    return `r${this.pick(NUMBERS)}`;
  }

  program(): string {
    const { lines, random } = this;
    lines.push("r6 = r1", "r7 = 0", "r8 = 0");
    for (let at = 8; at <= ROOM; at += 8) lines.push(`*(u64 *)(r10 - ${at}) = ${random(1 << 30)}`);
    for (const n of NUMBERS) lines.push(`r${n} = *(u64 *)(r6 + ${random(ROOM)})`);
    this.statements(6 + random(10));
    for (let at = 8; at <= ROOM; at += 8) lines.push("r0 *= 31", `r1 = *(u64 *)(r10 - ${at})`, "r0 += r1");
    for (const n of NUMBERS.slice(1)) lines.push("r0 *= 31", `r0 += r${n}`);
    return [...lines, "exit"].join("\n");
  }

  private statements(count: number): void {
    for (let k = 0; k < count; k++) this.statement();
  }

  private statement(): void {
    const kind = this.random(20);
    if (kind < 8) this.fixed();
    else if (kind < 12) this.variable();
    else if (kind === 12) this.swap();
    else if (kind === 13) this.atomic();
    else if (kind === 14) this.helper();
    else if (kind < 17) this.branch();
    else if (kind < 19) this.loop();
    else this.lines.push(`${this.number()} ^= ${this.number()}`);
  }

  /** One access of what `base` + from … leads to. */
  private access(base: string, from: number, room: number): void {
    const [kind, bytes] = this.pick(this.random(2) === 0 ? LOADS.slice(0, 4) : LOADS);
    const at = from + this.random((room - bytes) / bytes + 1) * bytes;
    const place = `*(${kind} *)(${base} ${at < 0 ? "-" : "+"} ${Math.abs(at)})`;
    if (kind[0] === "s" || this.random(2) === 0) this.lines.push(`${this.number()} = ${place}`);
    else this.lines.push(`${place} = ${this.random(4) === 0 ? this.random(1000) - 500 : this.number()}`);
  }

  private fixed(): void {
    if (this.random(3) > 0) this.access("r10", -ROOM, ROOM);
    else this.access("r6", 0, ROOM);
  }

  /** A place that depends on a number, accessed more than once; its address stays in no register. */
  private variable(): void {
    const { lines, random } = this;
    const mask = this.pick([3, 7, 15]);
    lines.push(`r8 = ${this.number()}`, `r8 &= ${mask}`);
    const inFrame = random(3) > 0;
    lines.push(`r8 += ${inFrame ? "r10" : "r6"}`, ...(inFrame ? [] : [`r8 += ${ROOM}`]));
    if (random(3) === 0) this.otherwise(mask);
    const room = Math.min(ROOM - mask, 16);
    const from = -ROOM + random(ROOM - mask - room + 1);
    for (let k = 1 + random(3); k > 0; k--) {
      this.access("r8", from, room);
      if (random(3) === 0) this.fixed();
    }
    lines.push(`r8 = ${random(9)}`);
  }

  /** On one way, the pointer leads somewhere else: there is no bound that all can see. */
  private otherwise(most: number): void {
    const label = `same${this.labels++}`;
    this.lines.push(`if ${this.number()} & 1 goto ${label}`, `r8 = ${this.random(most + 1)}`);
    this.lines.push("r8 += r10", `${label}:`);
  }

  /** Two bytes change places, and are read again. */
  private swap(): void {
    const { lines } = this;
    for (const pointer of ["r7", "r8"])
      lines.push(`${pointer} = ${this.number()}`, `${pointer} &= 3`, `${pointer} += r10`);
    const [x, y] = [-ROOM + this.random(3), -ROOM + this.random(3)].map((n) => -n);
    lines.push(`r2 = *(u8 *)(r7 - ${x})`);
    if (this.random(4) === 0) lines.push(`*(u8 *)(r7 - ${x}) = ${this.random(9)}`);
    lines.push(`r3 = *(u8 *)(r8 - ${y})`, `*(u8 *)(r7 - ${x}) = r3`);
    lines.push(`*(u8 *)(r8 - ${y}) = ${this.pick(["r2", "r2", "r2", "r4"])}`);
    lines.push(`r4 = *(u8 *)(r7 - ${x})`, `r5 = *(u8 *)(r8 - ${y})`, "r7 = 1", "r8 = 1");
  }

  private atomic(): void {
    const place =
      this.random(2) === 0 ? `r10 - ${8 * (1 + this.random(ROOM / 8))}` : `r6 + ${8 * this.random(ROOM / 8)}`;
    this.lines.push(`lock *(${this.pick(["u32", "u64"])} *)(${place}) += ${this.number()}`);
  }

  private helper(): void {
    if (!this.escapes) {
      this.fixed();
      return;
    }
    const { lines, random } = this;
    const size = random(ROOM);
    lines.push("r1 = r10", `r1 += ${random(ROOM - size + 1) - ROOM}`, `r2 = ${random(200)}`, `r3 = ${size}`);
    lines.push(`call ${helperByName("memset")}`, "r0 = 7");
    for (const n of [2, 3, 4, 5]) lines.push(`r${n} = ${random(1000)}`);
  }

  private branch(): void {
    const [other, end] = [`else${this.labels}`, `end${this.labels++}`];
    this.lines.push(`if ${this.number()} ${this.pick(["&", "s>", "=="])} ${this.random(6)} goto ${other}`);
    this.statements(1 + this.random(3));
    this.lines.push(`goto ${end}`, `${other}:`);
    this.statements(this.random(3));
    this.lines.push(`${end}:`);
  }

  private loop(): void {
    if (this.depth === 2) {
      this.variable();
      return;
    }
    const { lines, random } = this;
    const counter = ROOM + 8 * ++this.depth;
    const label = `again${this.labels++}`;
    const inSlot = this.depth === 1 || random(2) === 0;
    const rounds = 1 + random(5);
    lines.push(inSlot ? `*(u64 *)(r10 - ${counter}) = ${rounds}` : `r9 = ${rounds}`, `${label}:`);
    this.statements(1 + random(5));
    if (inSlot) lines.push(`r1 = *(u64 *)(r10 - ${counter})`, "r1 += -1", `*(u64 *)(r10 - ${counter}) = r1`);
    lines.push(inSlot ? `if r1 != 0 goto ${label}` : `r9 += -1\nif r9 != 0 goto ${label}`);
    this.depth--;
  }
}

/** A program in assembly that takes 64 bytes of memory in r1. */
export const memoryProgram = (random: Random): string => new Writer(random).program();
