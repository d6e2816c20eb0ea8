/** run --pcap: the packets of a capture file through one program; verdicts are counted, what passes is written. */

import { closeSync, openSync, writeSync } from "node:fs";
import { CONTEXTS } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { CaptureReader, copyRecord } from "../formats/pcap.ts";
import type { Instance } from "../runtime/index.ts";
import { type Io, readInput } from "./io.ts";
import { table } from "./table.ts";

/** What a verdict is called, and how many of the packet's bytes it lets pass; undefined: all of them. */
interface Verdict {
  name: string;
  keeps?: number;
}

const XDP = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];
const TC = ["OK", "RECLASSIFY", "SHOT", "PIPE", "STOLEN", "QUEUED", "REPEAT", "REDIRECT", "TRAP"];
const TC_STOPS = ["SHOT", "STOLEN", "QUEUED", "TRAP"];

/** What r0 means to a hook. An unknown XDP action drops, as on Linux; a socket filter says how many bytes it keeps. */
export function verdictOf(hook: string, context: number, r0: number): Verdict {
  if (context === CONTEXTS.xdp)
    return { name: XDP[r0] ?? `XDP_${r0}`, keeps: r0 >= 2 && r0 <= 4 ? undefined : 0 };
  if (/^(tc|classifier|sched_cls|sched_act|action)\b/.test(hook)) {
    const name = (r0 | 0) === -1 ? "UNSPEC" : TC[r0];
    return {
      name: name === undefined ? `${r0}` : `TC_ACT_${name}`,
      keeps: TC_STOPS.includes(name) ? 0 : undefined,
    };
  }
  if (/^socket/.test(hook)) return r0 === 0 ? { name: "dropped", keeps: 0 } : { name: "kept", keeps: r0 };
  return r0 === 0 ? { name: "dropped", keeps: 0 } : { name: "passed" };
}

/** Collects records and writes them in large pieces. */
class Output {
  private readonly fd: number;
  private readonly pieces: Uint8Array[] = [];
  private waiting = 0;

  constructor(path: string) {
    try {
      this.fd = openSync(path, "w");
    } catch (error) {
      const got = (error as Error).message;
      throw new InputError("ERR_RUNBPF_FILE", { where: path, expected: "a file that can be written", got });
    }
  }

  add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.waiting += piece.length;
    if (this.waiting > 1 << 20) this.flush();
  }

  private flush(): void {
    const all = Buffer.concat(this.pieces);
    for (let done = 0; done < all.length; ) done += writeSync(this.fd, all, done);
    this.pieces.length = 0;
    this.waiting = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }
}

/** Everything but packets of a pcapng file (sections, interfaces, names) is copied as it stands. */
class Copy {
  private readonly output: Output;
  private readonly reader: CaptureReader;
  private readonly source: Uint8Array;
  private done = 0;

  constructor(path: string, reader: CaptureReader, source: Uint8Array) {
    this.output = new Output(path);
    this.reader = reader;
    this.source = source;
  }

  /** Copies what stands before the packet at hand, then what became of the packet. */
  packet(bytes: Uint8Array | undefined): void {
    const { reader } = this;
    this.upTo(reader.recordAt);
    this.done = reader.recordAt + reader.recordSize;
    if (bytes !== undefined) this.output.add(copyRecord(reader, bytes));
  }

  private upTo(end: number): void {
    if (end > this.done) this.output.add(this.source.slice(this.done, end));
  }

  close(): void {
    this.upTo(this.source.length);
    this.output.close();
  }
}

export interface CaptureOptions {
  input: string;
  output: string | undefined;
  program: number;
  json: boolean;
}

/** Runs it and prints the counts. Throws InputError, RunError. */
export function runCapture(
  io: Io,
  instance: Instance,
  { input, output, program, json }: CaptureOptions,
): void {
  const source = readInput(input);
  const reader = new CaptureReader(source, input === "-" ? "standard input" : input);
  const { hook, contract } = instance.programs[program];
  const packets = instance.packets(program);
  const copy = output === undefined ? undefined : new Copy(output, reader, source);
  const counts = new Map<number, number>();
  let [count, bytes] = [0, 0];
  const start = process.hrtime.bigint();
  try {
    while (reader.next()) {
      const r0 = Number(packets.run(source, reader.offset, reader.length) & 0xffff_ffffn);
      counts.set(r0, (counts.get(r0) ?? 0) + 1);
      count++;
      bytes += reader.length;
      if (copy === undefined) continue;
      const { keeps } = verdictOf(hook, contract.context, r0);
      copy.packet(keeps === 0 ? undefined : packets.packet.subarray(0, keeps));
    }
  } finally {
    copy?.close();
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const names = new Map<string, number>();
  for (const [r0, n] of counts) {
    const { name } = verdictOf(hook, contract.context, r0);
    names.set(name, (names.get(name) ?? 0) + n);
  }
  const sorted = [...names].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (json) {
    io.out(`${JSON.stringify({ packets: count, bytes, verdicts: Object.fromEntries(sorted), seconds })}\n`);
    return;
  }
  const columns = [{ title: "verdict" }, { title: "packets", right: true }];
  if (sorted.length > 0)
    io.out(
      table(
        columns,
        sorted.map(([name, n]) => [name, String(n)]),
      ),
    ); // prettier-ignore
  const rate = seconds > 0 ? `, ${(count / seconds / 1e6).toFixed(1)} million a second` : "";
  io.out(`${count} packets, ${bytes} bytes${count >= 100_000 ? rate : ""}\n`);
}
