/** Cases that random operations do not make: what is refused, loops, locks, walks among deletes. A line, and its answer. */

import { describe, expect, test } from "vitest";
import { Machine } from "./machine.ts";

const machine = new Machine();
const say = (line: string): string => machine.step(line);
const INVAL = "-22";
const TOOBIG = "-7";

/** type,key,value,max,flags,cpus → bytes (positive), or an error. */
const SIZES: [string, string][] = [
  ["2,4,8,1,0,1", "192"],
  ["2,4,8,0,0,1", INVAL],
  ["2,4,0,1,0,1", INVAL],
  ["2,8,8,1,0,1", INVAL],
  ["2,4,8,1,0,0", INVAL],
  ["2,4,8,1,0,1025", INVAL],
  ["2,4,8,1,0,1024", "192"],
  ["2,4,8,134217728,0,1", TOOBIG],
  ["2,4,4294967295,4294967295,0,1", TOOBIG],
  ["2,4,536870912,4,0,1", TOOBIG],
  ["6,4,1048576,1000,0,1024", TOOBIG],
  ["6,4,8,8,0,2", "256"],
  ["1,0,8,1,0,1", INVAL],
  ["1,8,0,1,0,1", INVAL],
  ["1,512,8,1,0,1", "704"],
  ["1,513,8,1,0,1", TOOBIG],
  ["1,8,8,4294967295,0,1", TOOBIG],
  ["1,8,8,1,1,1", "192"],
  ["1,8,8,1,5599,1", "192"],
  ["1,8,8,1,32,1", INVAL],
  ["1,8,8,1,2147483648,1", INVAL],
  ["12,4,8,1,0,1", INVAL],
  ["13,8,8,1,0,1", INVAL],
  ["3,4,4,1,0,1", "128"],
  ["3,8,4,1,0,1", INVAL],
  ["22,4,8,1,0,1", INVAL],
  ["22,0,0,1,0,1", INVAL],
  ["22,0,8,1,0,1", "128"],
  ["27,0,0,64,0,1", "320"],
  ["27,0,0,32,0,1", INVAL],
  ["27,0,0,96,0,1", INVAL],
  ["27,4,0,64,0,1", INVAL],
  ["27,0,4,64,0,1", INVAL],
  ["4,4,4,0,0,1", "131264"],
  ["4,4,8,1,0,1", INVAL],
  ["11,4,8,1,0,1", INVAL],
  ["11,5,8,1,1,1", "256"],
  ["11,260,8,1,0,1", "768"],
  ["11,261,8,1,0,1", INVAL],
  ["30,0,8,1,0,1", "128"],
  ["30,4,8,1,0,1", INVAL],
  ["0,4,4,1,0,1", INVAL],
  ["7,4,4,1,0,1", INVAL],
  ["31,4,4,1,0,1", INVAL],
  ["4294967295,4,4,1,0,1", INVAL],
];
test.each(SIZES)("size of %s is %s", (definition, expected) =>
  expect(say(`size ${definition}`)).toBe(expected),
);

describe("attaching to a block of 1,8,8,16,0,1", () => {
  const CASES: [string, string][] = [
    ["1,8,8,16,0,1 60:0 0", "0"],
    ["1,8,8,16,0,1 60:0 1", INVAL],
    ["1,8,8,16,0,1 0:0 0", INVAL], // magic
    ["1,8,8,16,0,1 4:2 0", INVAL], // version
    ["1,8,8,16,0,1 8:2 0", INVAL], // type
    ["1,8,8,16,0,1 28:2 0", INVAL], // cpus
    ["1,8,8,16,0,1 33:255 0", INVAL], // size
    ["1,8,8,15,0,1 60:0 0", INVAL],
    ["1,8,4,16,0,1 60:0 0", INVAL],
    ["1,8,8,16,1,1 60:0 0", INVAL],
    ["5,8,8,16,0,1 60:0 0", INVAL],
  ];
  test.each(CASES)("%s: %s", (line, expected) => {
    say("new 1,8,8,16,0,1");
    expect(say(`attach ${line}`)).toBe(expected);
  });
});

/** count, what ends it, flags → result and calls. */
const LOOPS: [string, string][] = [
  ["0 1000 0", "0 0"],
  ["5 1000 0", "5 5"],
  ["5 2 0", "2 2"],
  ["5 1000 1", "-22 0"],
  ["8388608 3 0", "3 3"],
  ["8388609 3 0", "-7 0"],
];
test.each(LOOPS)("loop %s: %s", (line, expected) => expect(say(`loop ${line}`)).toBe(expected));

test("spin locks", () => expect(say("spin")).toBe("0 1 0 0 0 1 0 0"));

describe("hash", () => {
  const key = (n: number): string => n.toString(16).padStart(2, "0") + "00".repeat(7);
  test("a key that went is found no more, and a walk goes on where it was", () => {
    say("new 1,8,8,16,0,1");
    for (let n = 0; n < 16; n++) expect(say(`update ${key(n)} ${key(n)} 1`)).toBe("0");
    expect(say(`update ${key(16)} ${key(0)} 0`)).toBe(TOOBIG);
    expect(say(`update ${key(3)} ${key(9)} 2`)).toBe("0");
    for (let n = 0; n < 16; n += 2) expect(say(`delete ${key(n)}`)).toBe("0");
    expect(say("count")).toBe("8");
    expect(say("keys").split(" ").length).toBe(9);
    expect(say(`lookup ${key(3)}`)).toBe(key(9));
    expect(say(`lookup ${key(4)}`)).toBe("0");
    expect(say("each 100 - 0")).toBe("8");
  });
  test("lru: what is used stays", () => {
    say("new 9,8,8,32,0,1");
    for (let n = 0; n < 250; n++) {
      expect(say(`update ${key(n)} ${key(n)} 0`)).toBe("0");
      expect(say(`lookup ${key(0)}`), `after ${n}`).toBe(key(0));
      expect(say("count")).toBe(`${Math.min(n + 1, 32)}`);
    }
    expect(say(`lookup ${key(249)}`)).toBe(key(249));
  });
});
