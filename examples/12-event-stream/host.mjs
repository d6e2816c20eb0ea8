// Reads the events as they come: node host.mjs
import { readFileSync } from "node:fs";
import { compile } from "runbpf/compiler";
import { Runtime } from "runbpf/runtime";

const { container, btf } = compile(readFileSync(new URL("prog.o", import.meta.url)), { name: "prog.o" });
const program = new Runtime().load("teller", container, { btf });

setTimeout(() => program.runCommand(["tell", "first", "second"]), 10);
setTimeout(() => program.runCommand(["tell", "third"]), 30);

const { events } = program.maps;
for await (const { number, text } of events.events({ as: "event", signal: AbortSignal.timeout(60_000) })) {
  console.log(`${number}: ${text}`);
  if (number === 3) break;
}
console.log(`${events.lost} lost`);
