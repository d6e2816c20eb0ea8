/** Packets: what programs do to them, and capture files through them, from pcap and pcapng to the same again. */

import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CaptureReader, writePcap } from "../../formats/pcap.ts";
import { type Instance, Runtime } from "../../runtime/index.ts";
import { cli, scratchPath } from "../cli/cli.ts";
import { bpfObject } from "../compile/agree.ts";
import { skip } from "../device-tools.ts";

const SOURCE = new URL("programs/packets.c", import.meta.url).pathname;

/** Ethernet, IPv4 and UDP with right checksums. */
function udp(payload: number[], destination = [192, 0, 2, 2]): Uint8Array {
  const packet = new Uint8Array(42 + payload.length);
  packet.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
  const view = new DataView(packet.buffer);
  view.setUint16(16, packet.length - 14);
  packet.set([64, 17], 22);
  packet.set([192, 0, 2, 1, ...destination], 26);
  view.setUint16(34, 4000);
  view.setUint16(36, 53);
  view.setUint16(38, packet.length - 34);
  packet.set(payload, 42);
  view.setUint16(24, ~sum(packet.subarray(14, 34), 0) & 0xffff);
  view.setUint16(40, ~udpSum(packet) & 0xffff);
  return packet;
}

function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i] * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}
const udpSum = (packet: Uint8Array): number =>
  sum(packet.subarray(34), sum(packet.subarray(26, 34), 17 + packet.length - 34));
const isWhole = (packet: Uint8Array): boolean =>
  sum(packet.subarray(14, 34), 0) === 0xffff && udpSum(packet) === 0xffff;

describe.skipIf(skip("clang-19"))("packets", () => {
  let object: Uint8Array;
  beforeAll(() => {
    object = bpfObject("clang-19", SOURCE, ["-mcpu=v3", "-O2"]);
  });
  const load = (engine: "native" | "interpret"): Instance =>
    new Runtime({ engine }).load(
      "packets",
      compile(object, {
        name: "packets.o",
        target: engine === "interpret" ? "bytecode" : (process.arch as "x64"),
      }).container,
    );

  describe.each(["native", "interpret"] as const)("%s", (engine) => {
    it("grow and shrink at both ends, within their room", () => {
      using instance = load(engine);
      const packet = udp([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
      const left = (program: string) => {
        const packets = instance.packets(program);
        return [packets.run(packet), packets.packet.slice()] as const;
      };
      expect(left("wrap")).toEqual([2n, new Uint8Array([...Buffer.from("wrapped!"), ...packet])]);
      expect(left("cut")).toEqual([2n, packet.slice(0, -4)]);
      expect(left("grow")).toEqual([2n, new Uint8Array([...packet, 0, 0, 0, 0])]);
      expect(left("toofar")).toEqual([2n, packet]);
      expect(left("meta")[0]).toBe(2n);
    });

    it("checksums follow an address that changes", () => {
      using instance = load(engine);
      for (const payload of [[], [1], [255, 255, 0, 7], [9, 9, 9]]) {
        const packet = udp(payload);
        expect(isWhole(packet)).toBe(true);
        for (const program of ["nat", "diff"]) {
          const packets = instance.packets(program);
          expect(packets.run(packet)).toBe(0n);
          expect([...packets.packet.slice(30, 34)]).toEqual([192, 168, 1, 1]);
          expect(isWhole(packets.packet)).toBe(true);
        }
      }
    });
  });

  it("refuses what is no packet", () => {
    using instance = load("native");
    expect(() => instance.packets("first").run(new Uint8Array(70_000))).toThrow(
      "expected at most 65535 bytes",
    );
    expect(instance.packets("first").run(new Uint8Array(0))).toBe(0n);
    expect(instance.packets("nat").run(new Uint8Array(20))).toBe(2n);
  });

  const PACKETS = [udp([1, 2, 3]), udp([4]), udp([5, 6]), new Uint8Array(14)];

  /** The same packets as a pcapng file with two sections, in the other byte order. */
  function pcapng(): Uint8Array {
    const block = (type: number, body: Uint8Array) => {
      const size = 12 + Math.ceil(body.length / 4) * 4;
      const bytes = new Uint8Array(size);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, type);
      view.setUint32(4, size);
      bytes.set(body, 8);
      view.setUint32(size - 4, size);
      return bytes;
    };
    const words = (...list: number[]) => {
      const view = new DataView(new ArrayBuffer(4 * list.length));
      for (const [i, word] of list.entries()) view.setUint32(4 * i, word);
      return new Uint8Array(view.buffer);
    };
    const section = block(0x0a0d0d0a, words(0x1a2b3c4d, 0x0001_0000, 0xffff_ffff, 0xffff_ffff));
    const face = block(1, words(0x0001_0000, 0));
    const enhanced = (p: Uint8Array) => block(6, Buffer.concat([words(0, 0, 5, p.length, p.length), p]));
    const simple = (p: Uint8Array) => block(3, Buffer.concat([words(p.length), p]));
    const name = block(4, words(0));
    const [a, b, c, d] = PACKETS;
    return Uint8Array.from(
      Buffer.concat([section, face, enhanced(a), name, simple(b), section, face, enhanced(c), enhanced(d)]),
    );
  }

  const contents = (file: Uint8Array): Uint8Array[] => {
    const reader = new CaptureReader(file, "file");
    const list: Uint8Array[] = [];
    while (reader.next()) list.push(file.slice(reader.offset, reader.offset + reader.length));
    return list;
  };

  it.each([
    ["pcap", () => writePcap(PACKETS.map((bytes, i) => ({ bytes, seconds: 1.5 + i })))],
    ["pcapng", pcapng],
  ])("run --pcap: %s in, the same format out", async (format, make) => {
    const [input, output, program] = [scratchPath("in"), scratchPath("out"), scratchPath("packets.o")];
    writeFileSync(input, make());
    writeFileSync(program, object);
    expect(contents(make())).toEqual(PACKETS);
    const nat = await cli(["run", program, "--program", "nat", "--pcap", input, "--out", output]);
    expect(nat).toMatchObject({ status: 0, err: "" });
    expect(nat.out).toBe(
      "verdict      packets\nTC_ACT_OK          3\nTC_ACT_SHOT        1\n4 packets, 146 bytes\n",
    );
    const written = new Uint8Array(readFileSync(output));
    expect(new CaptureReader(written, "out").format).toBe(format);
    expect(contents(written).map((packet) => [packet.length, isWhole(packet)])).toEqual([
      [45, true],
      [43, true],
      [44, true],
    ]);
    const cut = await cli(["run", program, "--program", "first", "--pcap", input, "--out", output, "--json"]);
    expect(JSON.parse(cut.out)).toMatchObject({ packets: 4, verdicts: { kept: 3, dropped: 1 } });
    expect(contents(new Uint8Array(readFileSync(output))).map(({ length }) => length)).toEqual([20, 20, 20]);
  });

  it("refuses damaged captures, wherever they are cut or changed", () => {
    for (const file of [writePcap(PACKETS.map((bytes) => ({ bytes }))), pcapng()]) {
      for (let size = 0; size < file.length; size++)
        try {
          contents(file.slice(0, size));
        } catch (error) {
          expect((error as Error).message).toMatch(/^file\+0x[0-9a-f]+: expected .*, got /);
        }
      for (let at = 0; at < file.length; at++) {
        const changed = file.slice();
        changed[at] ^= 0xff;
        try {
          expect(contents(changed).length).toBeLessThan(9);
        } catch (error) {
          expect((error as Error).message).toMatch(/^file\+0x[0-9a-f]+: expected .*, got /);
        }
      }
    }
    expect(() => new CaptureReader(new Uint8Array(3), "x")).toThrow(
      "expected a capture file (pcap or pcapng), got 3 bytes",
    );
  });
});
