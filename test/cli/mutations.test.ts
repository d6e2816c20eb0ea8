/** Damaged files through the command line: a line and status 1, or they pass; never an error of our own. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EXAMPLES } from "../example-list.ts";
import { mutate, random, SLOW } from "../mutate.ts";
import { cli, type Result, scratchPath } from "./cli.ts";

const OBJECTS = new URL("../objects/", import.meta.url).pathname;
const SEEDS = [
  ...EXAMPLES.map(({ object }) => object),
  ...readdirSync(OBJECTS)
    .filter((name) => name.endsWith(".o"))
    .map((name) => new Uint8Array(readFileSync(join(OBJECTS, name)))),
];
const ROUNDS = SLOW ? 10_000 : 500;
const FILE = scratchPath("damaged");
const OUT = scratchPath("made");

/** The verifier's words take more lines than one. */
const UNPROVEN =
  /^[^\n]+: error: (r\d+: )?expected [^\n]+, got [^\n]+ \[[a-z-]+\]\n[\s\S]*--no-verify [^\n]+\n$/;

/** What a person would see must be one line, and the status must not be that of a bug. */
function check({ status, out, err }: Result, seed: number): void {
  const place = `seed ${seed}: ${err}`;
  expect([0, 1], place).toContain(status);
  if (status === 1 && !UNPROVEN.test(err))
    expect(err, place).toMatch(/^runbpf: [^\n]+: expected [^\n]+, got [^\n]+\n$/);
  else if (status === 1) expect(err, place).not.toMatch(/internal error/);
  else expect(err + out.slice(0, 0), place).toBe("");
}

describe.each([
  ["objects are converted or refused", ["convert", "spf", FILE, "-o", OUT]],
  ["objects are dumped or refused", ["dump", FILE, "--header", "--bytecode"]],
])("%s", (_, line) => {
  test(`${ROUNDS} of them`, { timeout: 600_000 }, async () => {
    for (let seed = 0; seed < ROUNDS; seed++) {
      const rng = random(seed);
      writeFileSync(FILE, mutate(SEEDS[seed % SEEDS.length], rng));
      check(await cli(line), seed);
    }
  });
});

test(`${ROUNDS} containers are dumped or refused`, { timeout: 600_000 }, async () => {
  const made: Uint8Array[] = [];
  for (const { folder } of EXAMPLES)
    for (const format of ["bare", "spf"]) {
      await cli(["convert", format, join(folder, "prog.o"), "-o", OUT]);
      made.push(new Uint8Array(readFileSync(OUT)));
    }
  for (let seed = 0; seed < ROUNDS; seed++) {
    writeFileSync(FILE, mutate(made[seed % made.length], random(seed)));
    check(await cli(["dump", FILE, "--header"]), seed);
  }
});
