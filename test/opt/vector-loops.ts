/** Loops over arrays as programs: which become kernels, what they become, and random ones. */

/**
 * One loop: r3 and r4 walk over arrays, r5 rounds, r0 gathers. The memory says where and how often; behind the loop
 * all of its variables count.
 */
export interface Loop {
  name: string;
  body: string;
  /** By how much r3 and r4 grow. */
  steps: [number, number];
  /** What the loop becomes; undefined: it stays. */
  kernel: string | undefined;
  before?: string;
  end?: string;
  after?: string;
  /** The pointers start with the last elements, and `steps` go down. */
  down?: boolean;
}

/** The same loop from the ends of its arrays down. */
export const downwards = (loop: Loop): Loop => ({
  ...loop,
  name: `${loop.name}, down`,
  steps: [-loop.steps[0], -loop.steps[1]],
  down: true,
});

export const HEADER = 16;

export function source({
  body,
  steps,
  end = "r6 += 1\nif r6 < r5 goto loop",
  before = "",
  after = "",
  down = false,
}: Loop): string {
  const last = [3, 4].map((r, k) => `r2 = r5\nr2 += -1\nr2 *= ${-steps[k]}\nr${r} += r2`).join("\n");
  return `
    r3 = *(u16 *)(r1 + 0)
    r3 += r1
    r4 = *(u16 *)(r1 + 2)
    r4 += r1
    r5 = *(u32 *)(r1 + 4)
    r0 = *(u64 *)(r1 + 8)
    ${body.includes("w0") ? "w0 = w0" : ""}
    r6 = 0
    r9 = 7
    if r5 == 0 goto out
    ${down ? last : ""}
    ${before}
  loop:
    ${body}
    r3 += ${steps[0]}
    r4 += ${steps[1]}
    ${end}
  out:
    r3 -= r1
    r4 -= r1
    r0 *= 31
    r0 ^= r3
    r0 *= 31
    r0 ^= r4
    r0 *= 31
    r0 ^= r6
    ${after}
    exit`;
}

const U: Record<number, string> = { 1: "u8", 2: "u16", 4: "u32", 8: "u64" };
const WIDTHS = [1, 2, 4, 8] as const;
const load = (r: number, from: number, bytes: number) => `r${r} = *(${U[bytes]} *)(r${from} + 0)`;
const store = (to: number, bytes: number, r: number) => `*(${U[bytes]} *)(r${to} + 0) = r${r}`;

/** r0 op r7 of every width, in 64 and in 32 bits. */
export const SUMS = WIDTHS.flatMap((bytes) =>
  ["+", "^", "|", "&"].flatMap((operator): Loop[] =>
    ["r", "w"].map((r) => ({
      name: `${r}0 ${operator}= ${U[bytes]}`,
      body: `${load(7, 3, bytes)}\n${r}0 ${operator}= ${r}7`,
      steps: [bytes, 8],
      // Elements wider than what gathers them would have to be narrowed.
      kernel: bytes === 8 && r === "w" ? undefined : "kernel",
    })),
  ),
);

/** The largest and the least, with and without a sign, of 32 bits. */
const EXTREMES = [">", ">=", "<", "<=", "s>", "s>=", "s<", "s<="].map(
  (condition): Loop => ({
    name: `if w0 ${condition} u32`,
    body: `${load(7, 3, 4)}\nif w0 ${condition} w7 goto keep\nw0 = w7\nkeep:`,
    steps: [4, 1],
    kernel: "kernel",
  }),
);

/** The same of narrower elements, and in wider variables: lanes as wide as the elements. */
const NARROW_EXTREMES = ([1, 2, 4] as const).flatMap((bytes) =>
  [">", "<=", "s<", "s>="].flatMap((condition) =>
    ["w", "r"].map(
      (r): Loop => ({
        name: `if ${r}0 ${condition} ${U[bytes]}`,
        body: `${load(7, 3, bytes)}\nif ${r}0 ${condition} ${r}7 goto keep\n${r}0 = ${r}7\nkeep:`,
        steps: [bytes, 1],
        kernel: `kernel ${16 / bytes}`,
      }),
    ),
  ),
);

const COPIES = WIDTHS.map(
  (bytes): Loop => ({
    name: `a copy of ${U[bytes]}`,
    body: `${load(7, 3, bytes)}\n${store(4, bytes, 7)}`,
    steps: [bytes, bytes],
    kernel: "kernel",
  }),
);

const FILLS = WIDTHS.map(
  (bytes): Loop => ({
    name: `${U[bytes]} filled`,
    body: store(4, bytes, 0),
    steps: [1, bytes],
    kernel: "kernel",
  }),
);

/** Operations on elements of each width: x in r7, another array's y in r8, written back. */
const OPERATIONS: [name: string, text: string, widths: readonly number[]][] = [
  ["sum", "r7 += r8", WIDTHS],
  ["difference", "r7 -= r8", WIDTHS],
  ["and", "r7 &= r8", WIDTHS],
  ["or", "r7 |= r8", WIDTHS],
  ["xor", "r7 ^= r8", WIDTHS],
  ["sum with an invariant", "r7 += r0", WIDTHS],
  ["sum with a constant", "r7 += 1234567", WIDTHS],
  ["large constant", "r8 = 0x1122334455667788 ll\nr7 ^= r8", WIDTHS],
  ["shift to the left", "r7 <<= 3", WIDTHS],
  ["shift to the right", "r7 >>= 3", WIDTHS],
  ["shift of a sign", "w7 s>>= 5", [4]],
  ["product", "r7 *= r8", [1, 2, 4]],
  ["average", "r7 += r8\nr7 += 1\nr7 >>= 1", [1, 2, 4]],
  ["average that is rounded down", "r7 += r8\nr7 >>= 1", [1, 2]],
  ["average of sums", "w7 += w7\nw7 += w8\nw7 += 1\nw7 >>= 1", [1, 2]],
  ["upper half of a product", "r7 *= r8\nr7 >>= 16", [2]],
  ["upper half of a product with a constant", "w7 *= 40000\nw7 >>= 16", [2]],
  [
    "upper half of a signed product",
    "r7 <<= 48\nr7 s>>= 48\nr8 <<= 48\nr8 s>>= 48\nw7 *= w8\nw7 s>>= 16",
    [2],
  ],
  ["upper half of a product with one sign", "r7 <<= 48\nr7 s>>= 48\nw7 *= w8\nw7 >>= 16", [2]],
  ["part of a signed product", "r7 <<= 56\nr7 s>>= 56\nw7 *= 3\nw7 >>= 2", [1]],
  ["part of a sum, far up", "r7 += r8\nr7 <<= 7\nr7 >>= 8", [1, 2]],
  ["choice of the narrow", "if r7 < r8 goto a\nr7 = r8\na:", [1, 2, 4]],
  ["choice of letters", "r8 = r7\nr8 += -97\nr8 &= 255\nif r8 >= 26 goto a\nr7 += -32\na:", [1]],
  ["swapped bytes", "r7 = be16 r7", [2]],
  ["clamp", "if w7 s< 1000 goto a\nw7 = 1000\na:\nif w7 s> -1000 goto b\nw7 = -1000\nb:", [4]],
  ["choice", "if w7 == w8 goto a\nw7 = w8\na:", [4]],
];
const MAPS = OPERATIONS.flatMap(([name, text, widths]) =>
  widths.flatMap((bytes): Loop[] => {
    const body = `${load(7, 3, bytes)}\n${load(8, 4, bytes)}\n${text}`;
    const steps: [number, number] = [bytes, bytes];
    return [
      {
        name: `${name} of ${U[bytes]}, in place`,
        body: `${body}\n${store(4, bytes, 7)}`,
        steps,
        kernel: "kernel",
      },
      {
        name: `${name} of ${U[bytes]}, to where r7 came from`,
        body: `${body}\n${store(3, bytes, 7)}`,
        steps,
        kernel: "kernel",
      },
    ];
  }),
);

const POPCOUNT = `
  r7 = *(u64 *)(r3 + 0)
  r8 = r7
  r8 >>= 1
  r2 = 0x5555555555555555 ll
  r8 &= r2
  r7 -= r8
  r8 = r7
  r2 = 0x3333333333333333 ll
  r8 &= r2
  r7 >>= 2
  r7 &= r2
  r7 += r8
  r8 = r7
  r8 >>= 4
  r7 += r8
  r2 = 0x0f0f0f0f0f0f0f0f ll
  r7 &= r2
  r2 = 0x0101010101010101 ll
  r7 *= r2
  r7 >>= 56
  r0 += r7`;

const OTHERS: Loop[] = [
  { name: "bits counted", body: POPCOUNT, steps: [8, 0], kernel: "sad64" },
  {
    name: "big-endian words summed",
    body: "r7 = *(u8 *)(r3 + 0)\nr7 <<= 8\nr8 = *(u8 *)(r3 + 1)\nr7 |= r8\nr0 += r7",
    steps: [2, 0],
    kernel: "kernel",
  },
  ...["w7 ^= w8\nw7 -= w8", "w7 += w8\nw7 ^= w8"].map(
    (absolute): Loop => ({
      name: `differences of bytes, ${absolute}`,
      body: `${load(7, 3, 1)}\n${load(8, 4, 1)}\nw7 -= w8\nw8 = w7\nw8 s>>= 31\n${absolute}\nr0 += r7`,
      steps: [1, 1],
      kernel: "sad64",
    }),
  ),
  {
    name: "a sum of clamped numbers",
    body: "r7 = *(s32 *)(r3 + 0)\nif w7 s< 1000 goto a\nr7 = 1000\na:\nif w7 s> -1000 goto b\nr7 = -1000\nb:\nr0 += r7",
    steps: [4, 0],
    kernel: "select32",
  },
  {
    name: "products of 32-bit numbers",
    body: `${load(7, 3, 4)}\n${load(8, 4, 4)}\nr7 *= r8\nr0 += r7`,
    steps: [4, 4],
    kernel: "mul64",
  },
  {
    name: "words made bytes",
    body: `${load(7, 3, 4)}\nr7 >>= 3\n${store(4, 1, 7)}`,
    steps: [4, 1],
    kernel: "narrow8",
  },
  {
    name: "double words made words",
    body: `${load(7, 3, 8)}\nr7 >>= 9\n${store(4, 4, 7)}`,
    steps: [8, 4],
    kernel: "narrow32",
  },
  {
    name: "products of signed 16-bit numbers",
    body: "r7 = *(s16 *)(r3 + 0)\nr8 = *(s16 *)(r4 + 0)\nw7 *= w8\nw0 += w7",
    steps: [2, 2],
    kernel: "dot32",
  },
  {
    name: "bytes that are counted",
    body: `${load(7, 3, 1)}\nr8 = 1\nif r7 == 32 goto a\nr8 = 0\na:\nr0 += r8`,
    steps: [1, 0],
    kernel: "eq8",
  },
  {
    name: "squares of bytes",
    body: `${load(7, 3, 1)}\nr7 *= r7\nr0 += r7`,
    steps: [1, 0],
    kernel: "mul16",
  },
  {
    name: "averages of bytes",
    body: `${load(7, 3, 1)}\n${load(8, 4, 1)}\nr7 += r8\nr7 += 1\nr7 >>= 1\n${store(4, 1, 7)}`,
    steps: [1, 1],
    kernel: "avg8",
  },
  { name: "bytes made words", body: `${load(7, 3, 1)}\n${store(4, 4, 7)}`, steps: [1, 4], kernel: "zext32" },
  {
    name: "words made double words",
    body: `${load(7, 3, 4)}\n${store(4, 8, 7)}`,
    steps: [4, 8],
    kernel: "zext64",
  },
  {
    name: "bytes made 16 bits wide",
    body: `${load(7, 3, 1)}\n${store(4, 2, 7)}`,
    steps: [1, 2],
    kernel: "zext16",
  },
  {
    name: "signed bytes summed",
    body: "r7 = *(s8 *)(r3 + 0)\nr0 += r7",
    steps: [1, 0],
    kernel: "kernel",
  },
  { name: "signed words summed", body: "r7 = *(s32 *)(r3 + 0)\nr0 += r7", steps: [4, 0], kernel: "kernel" },
  {
    name: "neighbours",
    body: "r7 = *(u32 *)(r3 + 0)\nr8 = *(u32 *)(r3 + 4)\nr7 += r8\nr0 += r7",
    steps: [4, 0],
    kernel: "kernel",
  },
  {
    name: "a 32-bit counter",
    body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
    steps: [4, 0],
    end: "w6 += 1\nif w6 < w5 goto loop",
    kernel: "kernel",
  },
  {
    name: "a counter that meets its end",
    body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
    steps: [4, 0],
    end: "r6 += 1\nif r6 != r5 goto loop",
    kernel: "kernel",
  },
  {
    name: "a 32-bit index",
    body: "w8 = w6\nw8 += w9\nr8 += r1\nr7 = *(u8 *)(r8 + 0)\nr0 += r7",
    steps: [4, 0],
    before: "w9 = *(u16 *)(r1 + 2)",
    kernel: "kernel",
  },
  {
    name: "a 32-bit index that starts below zero",
    body: "w8 = w6\nw8 += -20\nr8 <<= 32\nr8 s>>= 32\nr8 += r1\nr7 = *(u8 *)(r8 + 1024)\nr0 += r7",
    steps: [4, 0],
    kernel: "kernel",
  },
  {
    name: "the number of rounds in all lanes",
    body: "r7 = *(u64 *)(r3 + 0)\nr7 ^= r5\n*(u64 *)(r4 + 0) = r7",
    steps: [8, 8],
    kernel: "splat64",
  },
  {
    name: "a counter that goes down",
    body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
    steps: [4, 0],
    end: "r6 += 1\nr5 += -1\nif r5 != 0 goto loop",
    kernel: "kernel",
  },
  ...["if w9 s< w5 goto loop", "if w9 s<= w5 goto loop", "if r9 s< r5 goto loop"].map(
    (end): Loop => ({
      name: `a counter that starts below zero, ${end}`,
      body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
      steps: [4, 0],
      before: "r9 = -50\nr5 += -50",
      end: `r6 += 1\n${end.includes("w") ? "w" : "r"}9 += 1\n${end}`,
      kernel: "kernel",
    }),
  ),
  {
    name: "a 32-bit counter that meets its end",
    body: "r7 = *(u16 *)(r3 + 0)\n*(u16 *)(r4 + 0) = r7",
    steps: [2, 2],
    end: "r6 += 1\nif w6 != w5 goto loop",
    kernel: "kernel",
  },
  {
    name: "an address that meets its end",
    body: "r7 = *(u8 *)(r3 + 0)\nr0 += r7",
    steps: [1, 0],
    before: "r5 += r3",
    end: "r6 += 1\nif r3 != r5 goto loop",
    kernel: "kernel",
  },
  {
    name: "offsets that meet their end",
    body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
    steps: [4, 0],
    before: "r5 <<= 2",
    end: "r6 += 4\nif r6 != r5 goto loop",
    kernel: "kernel",
  },
  {
    name: "the last element is used",
    body: `r9 = *(u32 *)(r3 + 0)\nw0 += w9`,
    steps: [4, 0],
    after: "r0 ^= r9",
    kernel: "kernel",
  },
  {
    name: "the sum before the last is used",
    body: "r9 = r0\nr7 = *(u32 *)(r3 + 0)\nw0 += w7",
    steps: [4, 0],
    after: "r0 ^= r9",
    kernel: "kernel",
  },
];

/** The bits of a word apart, in steps that each wait for the one before. */
const SPREAD = [
  [16, "0x0000ffff0000ffff"],
  [8, "0x00ff00ff00ff00ff"],
  [4, "0x0f0f0f0f0f0f0f0f"],
  [2, "0x3333333333333333"],
  [1, "0x5555555555555555"],
]
  .map(([by, mask]) => `r8 = r7\nr8 <<= ${by}\nr7 |= r8\nr8 = ${mask} ll\nr7 &= r8`)
  .join("\n");

/** Two to four variables that gather, and one of what takes many steps. */
const SEVERAL: Loop[] = [
  {
    name: "two sums",
    body: `${load(7, 3, 4)}\nr0 += r7\nr9 ^= r7`,
    steps: [4, 0],
    after: "r0 ^= r9",
    kernel: "kernel",
  },
  {
    name: "sums of two arrays",
    body: `${load(7, 3, 4)}\nr0 += r7\n${load(8, 4, 4)}\nr9 += r8`,
    steps: [4, 4],
    after: "r0 ^= r9",
    kernel: "kernel",
  },
  {
    name: "sums of arrays of two widths",
    body: `${load(7, 3, 1)}\nr0 += r7\n${load(8, 4, 4)}\nr9 += r8`,
    steps: [1, 4],
    after: "r0 ^= r9",
    kernel: "kernel 16",
  },
  {
    name: "sum and largest",
    body: `${load(7, 3, 4)}\nr0 += r7\nif w9 > w7 goto keep\nw9 = w7\nkeep:`,
    steps: [4, 0],
    after: "r0 ^= r9",
    kernel: "kernel",
  },
  {
    name: "least, largest and sum",
    body: `${load(7, 3, 2)}\nif w9 > w7 goto keep\nw9 = w7\nkeep:\nif w2 < w7 goto less\nw2 = w7\nless:\nr0 += r7`,
    steps: [2, 0],
    before: "w9 = 0\nw2 = 99999",
    after: "r0 ^= r9\nr0 *= 31\nif r5 == 0 goto end\nr0 ^= r2\nend:",
    kernel: "kernel",
  },
  {
    name: "least, largest, sum and sum of squares",
    body: `${load(7, 3, 2)}\nif w9 > w7 goto keep\nw9 = w7\nkeep:\nif w2 < w7 goto less\nw2 = w7\nless:\nr0 += r7\nw7 *= w7\nr8 += r7`,
    steps: [2, 0],
    before: "w9 = 0\nw2 = 99999\nr8 = 0",
    after: "r0 ^= r9\nr0 *= 31\nr0 ^= r8\nr0 *= 31\nif r5 == 0 goto end\nr0 ^= r2\nend:",
    kernel: "kernel",
  },
  {
    name: "bits spread",
    body: `${load(7, 3, 4)}\n${SPREAD}\nr0 += r7`,
    steps: [4, 0],
    kernel: "kernel",
  },
];

/** Arrays of which one is walked up and one down, r4 from its end. */
const TURNED: Loop[] = ["up", "down"].flatMap((way) =>
  WIDTHS.flatMap((bytes): Loop[] => {
    const up = way === "up";
    const ends = {
      steps: (up ? [bytes, -bytes] : [-bytes, bytes]) as [number, number],
      before: `r2 = r5\nr2 += -1\nr2 *= ${bytes}\nr${up ? 4 : 3} += r2`,
      kernel: "loadDown",
    };
    return [
      {
        name: `a turned copy of ${U[bytes]}, ${way}`,
        body: `${load(7, 3, bytes)}\n${store(4, bytes, 7)}`,
        ...ends,
      },
      {
        name: `changed and turned ${U[bytes]}, ${way}`,
        body: `${load(7, 3, bytes)}\nr8 = *(${U[bytes]} *)(r3 + ${bytes})\nr7 += r8\n${store(4, bytes, 7)}`,
        ...ends,
      },
      {
        name: `sum with turned ${U[bytes]}, ${way}`,
        body: `${load(7, 3, bytes)}\n${load(8, 4, bytes)}\nr7 ^= r8\nr7 &= r9\nr0 += r7`,
        ...ends,
      },
    ];
  }),
);
const WIDENED: Loop[] = [
  {
    name: "words turned and made bytes",
    body: `${load(7, 3, 4)}\nr7 >>= 3\n${store(4, 1, 7)}`,
    steps: [-4, 1],
    before: "r2 = r5\nr2 += -1\nr2 <<= 2\nr3 += r2",
    kernel: "loadDown32",
  },
  {
    name: "16-bit products with turned ones",
    body: "r7 = *(s16 *)(r3 + 0)\nr8 = *(s16 *)(r4 + 0)\nw7 *= w8\nw0 += w7",
    steps: [2, -2],
    before: "r2 = r5\nr2 += -1\nr2 <<= 1\nr4 += r2",
    kernel: "dot32",
  },
];

/** What counters count, stored and summed, in lanes of every width; r9 counts from 7 in other steps. */
const SERIES: Loop[] = [
  ...WIDTHS.flatMap((bytes): Loop[] => [
    {
      name: `counters of ${U[bytes]}`,
      body: store(4, bytes, 6),
      steps: [1, bytes],
      kernel: `series${bytes * 8}`,
    },
    {
      name: `multiples of 5 of ${U[bytes]}`,
      body: `${store(4, bytes, 9)}\nr9 += 5`,
      steps: [1, bytes],
      after: "r0 ^= r9",
      kernel: "by 5",
    },
    {
      name: `u64 and ${U[bytes]} less a counter that goes down`,
      body: `${load(7, 3, bytes)}\nr7 += r9\n${store(4, bytes, 7)}\nr9 += -3`,
      steps: [bytes, bytes],
      kernel: "by -3",
    },
    {
      name: `${U[bytes]} and counter, summed`,
      body: `${load(7, 3, bytes)}\nr7 ^= r6\nr0 += r7`,
      steps: [bytes, 0],
      kernel: "series",
    },
    {
      name: `${U[bytes]} and two counters`,
      body: `${load(7, 3, bytes)}\nr7 += r6\nr7 ^= r9\n${store(4, bytes, 7)}\nr9 += 1000003`,
      steps: [bytes, bytes],
      kernel: "by 1000003",
    },
  ]),
  {
    name: "squares of counters made bytes",
    body: `r7 = r6\nr7 &= 65535\nr7 *= r7\nr7 >>= 5\n${store(4, 1, 7)}`,
    steps: [0, 1],
    kernel: "series",
  },
  {
    name: "32-bit counters made wide",
    body: `w7 = w9\n${store(4, 8, 7)}\nw9 += 1000003`,
    before: "w9 = -3000000",
    steps: [0, 8],
    kernel: "series32",
  },
];

const BOTH_WAYS = [...SUMS, ...EXTREMES, ...NARROW_EXTREMES, ...COPIES, ...FILLS, ...MAPS];
const UP = [...BOTH_WAYS, ...OTHERS, ...SEVERAL];

const DOWN: Loop[] = [
  ...UP.filter(
    ({ before, end, body }) => before === undefined && end === undefined && !body.includes("w6"),
  ).map(downwards),
  {
    name: "a way down to a bound",
    body: "r7 = *(u32 *)(r3 + 0)\nr0 += r7",
    steps: [-4, 0],
    down: true,
    before: "r9 = r1\nr9 += 16\nr3 += -4",
    end: "r6 += 1\nif r3 > r9 goto loop",
    kernel: "kernel",
  },
  ...[
    "if w5 s> 1 goto loop",
    "if r5 s>= 2 goto loop",
    "if w5 > 1 goto loop",
    "if r5 > 1 goto loop",
    "if r5 >= 3 goto loop",
    "if w5 >= w9 goto loop",
  ].map(
    (end): Loop => ({
      name: `a counter that goes down, ${end}`,
      body: "r7 = *(u16 *)(r3 + 0)\nr7 += 3\n*(u16 *)(r4 + 0) = r7",
      steps: [-2, -2],
      down: true,
      end: `r6 += 1\nr5 += -1\n${end}`,
      kernel: "kernel",
    }),
  ),
  {
    name: "a 32-bit index that goes down to zero",
    body: "w8 = w5\nw8 += -1\nr8 += r9\nr7 = *(u8 *)(r8 + 0)\n*(u8 *)(r4 + 0) = r7",
    steps: [0, -1],
    down: true,
    before: "r9 = *(u16 *)(r1 + 0)\nr9 += r1",
    end: "r6 += 1\nr5 += -1\nif r5 != 0 goto loop",
    kernel: "kernel",
  },
  {
    name: "a 32-bit index that goes below zero",
    body: "w8 = 20\nw8 -= w6\nr8 <<= 32\nr8 s>>= 32\nr8 += r1\nr7 = *(u8 *)(r8 + 1024)\nr0 += r7",
    steps: [0, 0],
    kernel: "kernel",
  },
];

export const LOOPS = [...UP, ...DOWN, ...TURNED, ...WIDENED, ...SERIES];
/** Loops that need more than SSE2 has. */
export const RICH: Loop[] = [
  {
    name: "products of signed 32-bit numbers",
    body: "r7 = *(s32 *)(r3 + 0)\nr8 = *(s32 *)(r4 + 0)\nr7 *= r8\nr0 += r7",
    steps: [4, 4],
    kernel: "smul64",
  },
  {
    name: "multiples of signed 32-bit numbers",
    body: "r7 = *(s32 *)(r3 + 0)\nr7 *= -100000\nr0 += r7",
    steps: [4, 4],
    kernel: "smul64",
  },
  ...([4, 8] as const).map(
    (bytes): Loop => ({
      name: `swapped bytes of ${U[bytes]}`,
      body: `${load(7, 3, bytes)}\nr7 = be${bytes * 8} r7\n${store(4, bytes, 7)}`,
      steps: [bytes, bytes],
      kernel: `swap${bytes * 8}`,
    }),
  ),
  {
    name: "swapped bytes and halves summed",
    body: `${load(7, 3, 8)}\nr8 = r7\nr7 = be64 r7\nr8 = be32 r8\nr7 ^= r8\nr0 += r7`,
    steps: [8, 8],
    kernel: "swap64",
  },
  ...([4, 8] as const).flatMap((bytes) =>
    ["<<=", ">>=", "s>>="].map((shift): Loop => {
      const r = bytes === 4 ? "w" : "r";
      return {
        name: `${U[bytes]} ${shift} as many bits as another array says`,
        body: `${load(7, 3, bytes)}\n${load(8, 4, bytes)}\n${r}7 ${shift} ${r}8\n${store(4, bytes, 7)}`,
        steps: [bytes, bytes],
        kernel: `By${bytes * 8}`,
      };
    }),
  ),
  {
    name: "shifted by a variable",
    body: `${load(7, 3, 8)}\nr7 <<= r5\nr0 += r7`,
    steps: [8, 0],
    kernel: "shlBy64",
  },
  {
    name: "swapped words summed",
    body: `${load(7, 3, 4)}\nr7 = be32 r7\nr0 += r7`,
    steps: [4, 4],
    kernel: "swap32",
  },
];
/** Loops that only copy or fill. */
export const PLAIN = [...COPIES, ...FILLS];
const UPWARDS = [
  ...COPIES,
  ...MAPS,
  ...[...OTHERS, ...SERIES].filter(({ body }) => body.includes("(r4 + 0) =")),
];
export const STORING = [
  ...UPWARDS,
  ...[...DOWN, ...TURNED, ...WIDENED].filter(({ body }) => /\(r[34] \+ 0\) = /.test(body)),
];

export const REFUSED: Loop[] = [
  {
    name: "bytes turned and made words",
    body: `${load(7, 3, 1)}\n${store(4, 4, 7)}`,
    steps: [-1, 4],
    before: "r3 += r5\nr3 += -1",
    kernel: undefined,
  },
  { name: "every second element", body: `${load(7, 3, 4)}\nr0 += r7`, steps: [8, 0], kernel: undefined },
  { name: "overlapping elements", body: `${load(7, 3, 4)}\nr0 += r7`, steps: [2, 0], kernel: undefined },
  { name: "the same place again", body: `${load(7, 3, 4)}\nr0 += r7`, steps: [0, 0], kernel: undefined },
  {
    name: "a sum and a sum of sums",
    body: `${load(7, 3, 4)}\nr0 += r7\nr9 ^= r0`,
    steps: [4, 0],
    after: "r0 ^= r9",
    kernel: undefined,
  },
  { name: "two stores", body: `${store(3, 4, 0)}\n${store(4, 4, 0)}`, steps: [4, 4], kernel: undefined },
  {
    name: "a sum that is stored",
    body: `${load(7, 3, 4)}\nr0 += r7\n${store(4, 4, 0)}`,
    steps: [4, 4],
    kernel: undefined,
  },
  {
    name: "the order matters",
    body: `${load(7, 3, 4)}\nr0 *= 31\nr0 += r7`,
    steps: [4, 0],
    kernel: undefined,
  },
  { name: "a sum of sums", body: `${load(7, 3, 4)}\nr7 += r0\nr0 += r7`, steps: [4, 0], kernel: undefined },
  {
    name: "a difference from the sum",
    body: `${load(7, 3, 4)}\nr7 -= r0\nr0 = r7`,
    steps: [4, 0],
    kernel: undefined,
  },
  { name: "division", body: `${load(7, 3, 4)}\nr7 /= r5\nr0 += r7`, steps: [4, 0], kernel: undefined },
  {
    name: "shifted by a variable",
    body: `${load(7, 3, 4)}\nr7 <<= r5\nr0 += r7`,
    steps: [4, 0],
    kernel: undefined,
  },
  { name: "an atomic", body: "lock *(u64 *)(r3 + 0) += r0", steps: [8, 0], kernel: undefined },
];

/** A few operations on elements of r3 and r4 and on an invariant, gathered or stored. */
export function randomLoop(rng: (n: number) => number): Loop {
  const width = () => WIDTHS[rng(4)];
  const [x, y] = rng(3) === 0 ? [width(), width()] : Array(2).fill(width());
  const signed = (bytes: number) => (bytes < 8 && rng(4) === 0 ? "s" : "u");
  const from = (r: number, at: number, bytes: number) =>
    `r${r} = *(${signed(bytes)}${bytes * 8} *)(r${at} + ${rng(4) === 0 ? bytes * rng(3) : 0})`;
  const lines = [from(7, 3, x), from(8, 4, y)];
  const operand = () => ["7", "8", "7", "8", "5", "6"][rng(6)];
  for (let k = rng(6); k > 0; k--) {
    const [w, to] = [rng(2) === 0 ? "w" : "r", 7 + rng(2)];
    const kind = rng(10);
    if (kind < 5) lines.push(`${w}${to} ${["+", "-", "&", "|", "^", "*"][rng(6)]}= ${w}${operand()}`);
    else if (kind < 6)
      lines.push(`${w}${to} ${["+", "&", "^"][rng(3)]}= ${[255, 65535, -1, 1000, 15][rng(5)]}`);
    else if (kind < 8) lines.push(`${w}${to} ${["<<", ">>", "s>>"][rng(3)]}= ${rng(w === "w" ? 32 : 64)}`);
    else if (kind < 9) lines.push(`r${to} = ${["be16", "bswap32", "be64", "bswap16"][rng(4)]} r${to}`);
    else {
      const condition = ["<", ">", "s<", "s>=", "==", "<="][rng(6)];
      lines.push(
        `if ${w}7 ${condition} ${w}${operand()} goto a${k}`,
        `${w}7 = ${w}${8 - 3 * rng(2)}`,
        `a${k}:`,
      );
    }
  }
  const gathers = rng(2) === 0;
  const two = gathers && rng(4) === 0;
  if (two) lines.push(`r9 ${["+", "^", "|"][rng(3)]}= r${7 + rng(2)}`);
  if (gathers)
    lines.push(
      `${"rw"[rng(2)]}0 ${["+", "+", "^", "|", "&"][rng(5)]}= r${7 + rng(2)}`.replace(/^(w.*= )r/, "$1w"),
    );
  else lines.push(store(4, y, 7 + rng(2)));
  const loop = {
    name: "random",
    body: lines.join("\n"),
    steps: [x, y] as [number, number],
    kernel: undefined,
  };
  const made = two ? { ...loop, after: "r0 ^= r9" } : loop;
  const way = rng(4);
  if (way > 1) return made;
  return way === 0
    ? downwards(made)
    : { ...made, steps: [x, -y], before: `r2 = r5\nr2 += -1\nr2 *= ${y}\nr4 += r2` };
}
