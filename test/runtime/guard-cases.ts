/** Programs that do wrong, with the error and the message that they end in: on every machine of the native engine. */

export const FAULTS: [name: string, code: string, error: string, text: RegExp][] = [
  [
    "a null pointer",
    "r1 = 0\nr0 = *(u64 *)(r1 + 16)\nexit",
    "ERR_RUNBPF_FAULT",
    /in main\(\) at code\+0x\w+: SIGSEGV, access to address 0x10$/,
  ],
  [
    "a write",
    "r1 = 4096\n*(u8 *)(r1 + 1) = 1\nr0 = 0\nexit",
    "ERR_RUNBPF_FAULT",
    /SIGSEGV, access to address 0x1001$/,
  ],
  [
    "an address that is none",
    "r1 = 0x8000000000000000 ll\nr0 = *(u64 *)(r1 + 0)\nexit",
    "ERR_RUNBPF_FAULT",
    /SIGSEGV/,
  ],
  [
    "a jump into nowhere",
    "r1 = 0x123456789000 ll\ncallx r1\nexit",
    "ERR_RUNBPF_FAULT",
    /address 0x123456789000$/,
  ],
  [
    "endless recursion",
    "call f\nexit\nf:\nr6 = r1\nr1 += 1\ncall f\nr0 += r6\nexit",
    "ERR_RUNBPF_STACK",
    /stack overflow$/,
  ],
  ["an endless loop", "l:\nr1 += 1\ngoto l", "ERR_RUNBPF_TIMEOUT", /still running after \d+ ms$/],
  [
    "a fault in a callee",
    // Called twice, with a loop: it stays a function of its own.
    "call f\ncall f\nexit\nf:\nr2 = 9\nl:\nr2 += -1\nif r2 > 3 goto l\nr1 = 0\nr0 = *(u8 *)(r1 + 1)\nexit",
    "ERR_RUNBPF_FAULT",
    /in main\+0x18\(\)/,
  ],
  [
    "a fault in memcpy names the caller",
    "r1 = 16\nr2 = 32\nr3 = 4096\ncall 1000300\nexit",
    "ERR_RUNBPF_FAULT",
    /in main\(\) at code/,
  ],
]; // prettier-ignore
