/** The rules that a program can break: one row each, from which messages, docs and tests derive. */

export const RULES = {
  "uninitialised-register": "registers are written before they are read",
  "uninitialised-stack": "stack bytes are written before they are read",
  "stack-bounds": "stack accesses stay within the 512 bytes below r10",
  "stack-alignment": "stack accesses are aligned to their size",
  "context-access": "the context has fields of certain offsets and sizes, some of them read-only",
  "context-pointer": "the context is accessed at constant offsets",
  "packet-bounds": "packet bytes are accessed after a comparison with the packet's end",
  "map-bounds": "accesses to a map value stay within its size",
  "memory-bounds": "accesses to memory stay within its size",
  "read-only": "read-only data is not written",
  "null-pointer": "a pointer that may be null is compared with null before it is used",
  "not-a-pointer": "memory is accessed through pointers to memory",
  "pointer-arithmetic":
    "numbers are added to pointers and subtracted from them, in 64 bits, and nothing else",
  "pointer-leak": "pointers are stored on the stack alone, and not returned",
  "spilled-pointer": "a pointer on the stack is read whole, and is gone once it is overwritten in part",
  "helper-unknown": "helpers have an id that is known",
  "helper-context": "a helper is called where its context allows it",
  "helper-argument": "helpers get the kinds of arguments that they expect",
  "helper-size": "sizes of memory arguments are bounded",
  "map-type": "helpers get maps of the types that they work on",
  string: "strings end with NUL inside their memory, and formats are known and get what they ask for",
  "reference-leak": "what is acquired is released",
  "reference-released": "what is released was acquired, and is not used afterwards",
  recursion: "functions do not call themselves, also through others",
  "call-depth": "calls are at most 8 frames deep",
  "chain-stack": "the stack frames of a call chain fit the stack together",
  callback: "callbacks take what the helper passes and return what it expects",
  atomic: "atomic operations work on aligned memory, not on the context or the packet",
  lock: "a locked section is short: no calls, no second lock, and an unlock on every path",
  "return-value": "r0 at the exit is a value that the hook accepts",
  unreachable: "every instruction can be reached",
  budget: "the verifier ends within its budget of instructions",
} as const;
export type Rule = keyof typeof RULES;

/** What breaks a rule, where it stands in the program, and what to do about it. Thrown inside the verifier. */
export class Broken {
  readonly rule: Rule;
  readonly expected: string;
  readonly got: string;
  readonly hint: string | undefined;

  constructor(rule: Rule, expected: string, got: string, hint?: string) {
    this.rule = rule;
    this.expected = expected;
    this.got = got;
    this.hint = hint;
  }
}

/** Refuses the program at the instruction at hand. */
export function refuse(rule: Rule, expected: string, got: string, hint?: string): never {
  throw new Broken(rule, expected, got, hint);
}
