// Compiles prog.o, gives it the helper that it asks for, and runs it: node embed.mjs
import { readFileSync } from "node:fs";
import { compile } from "runbpf/compiler";
import { Runtime } from "runbpf/runtime";

const object = readFileSync(new URL("prog.o", import.meta.url));
const { container } = compile(object, { format: "bare", name: "prog.o" });

const runtime = new Runtime({
  helpers: {
    2000001: { name: "reading", call: (_context, channel) => channel * 10 },
  },
});
const program = runtime.load("mean", container);
const r0 = program.run(3);

console.log(`r0 = ${r0} (0x${r0.toString(16)})`);
program[Symbol.dispose]();
