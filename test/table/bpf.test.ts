import { describe, expect, test } from "vitest";
import { assemble, BPF, decode, encode, print } from "../../formats/isa/bpf.ts";
import { samples } from "./bpf-samples.ts";

describe("every row", () => {
  test.each(BPF.map((row) => [row.name, row] as const))("%s", (_, row) => {
    for (const insn of samples(row)) {
      const bytes = encode([insn]);
      expect(decode(bytes, "test")).toEqual([insn]);
      expect([print(insn), Buffer.from(assemble(print(insn))).toString("hex")]).toEqual([
        print(insn),
        Buffer.from(bytes).toString("hex"),
      ]);
    }
  });
});
