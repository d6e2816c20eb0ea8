/** Plain models of the map types: what a line must be answered with. They know nothing of blocks, hashes or locks. */

export interface Definition {
  type: number;
  key: number;
  value: number;
  max: number;
  cpus: number;
}

/** The answer to a line, or a test of it where several are right. */
export type Expected = string | ((answer: string) => boolean);

export interface Model {
  step(op: string, key: string, value: string, flags: number, cpu: number): Expected;
}

const E = {
  NOENT: "-2",
  TOOBIG: "-7",
  AGAIN: "-11",
  NOMEM: "-12",
  EXIST: "-17",
  INVAL: "-22",
  NOSPC: "-28",
  NOTSUPP: "-95",
};
const zeros = (bytes: number): string => "00".repeat(bytes);
const pad8 = (size: number): number => Math.ceil(size / 8) * 8;
const isPercpu = (type: number): boolean => [5, 6, 10].includes(type);
const u32 = (text: string): number => Buffer.from(text, "hex").readUInt32LE(0);
const u32Hex = (n: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes.toString("hex");
};
const sorted = (text: string): string => text.split(" ").sort().join(" ");

/** Values of all cpus as hosts see them, each padded to 8 bytes. */
const joined = (is: Definition, values: string[]): string =>
  isPercpu(is.type) ? values.map((v) => v + zeros(pad8(is.value) - is.value)).join("") : values[0];
const split = (is: Definition, value: string): string[] =>
  isPercpu(is.type)
    ? Array.from({ length: is.cpus }, (_, c) => value.substr(c * pad8(is.value) * 2, is.value * 2))
    : [value];

class ArrayModel implements Model {
  private readonly values: string[][];
  private readonly is: Definition;
  constructor(is: Definition) {
    this.is = is;
    this.values = Array.from({ length: is.max }, () =>
      new Array(isPercpu(is.type) ? is.cpus : 1).fill(zeros(is.value)),
    );
  }
  step(op: string, key: string, value: string, flags: number, cpu: number): Expected {
    const { is, values } = this;
    const index = /^[0-9a-f]{8}$/.test(key) ? u32(key) : 0;
    const own = isPercpu(is.type) ? cpu % is.cpus : 0;
    const found = values[index];
    switch (op) {
      case "lookup":
        return found?.[own] ?? "0";
      case "percpu":
        return (isPercpu(is.type) && flags < is.cpus && found?.[flags]) || "0";
      case "read":
        return found === undefined ? E.NOENT : joined(is, found);
      case "update":
      case "write":
        if (flags > 2) return E.INVAL;
        if (found === undefined) return E.TOOBIG;
        if (flags === 1) return E.EXIST;
        if (op === "update") found[own] = value;
        else values[index] = split(is, value);
        return "0";
      case "delete":
      case "take":
      case "pop":
      case "push":
        return E.INVAL;
      case "keys":
        return `${values.map((_, i) => `${u32Hex(i)} `).join("")}-2`;
      case "walk":
        return `${values.map((v, i) => `${u32Hex(i)}=${joined(is, v)} `).join("")}-2`;
      case "count":
        return `${is.max}`;
      case "clear":
        for (const v of values) v.fill(zeros(is.value));
        return "0";
      case "each":
        return flags !== 0 ? E.INVAL : `${Math.min(is.max, Math.max(1, Number(key)))}`;
    }
    throw new Error(op);
  }
}

/** Also the tries: `cut` makes a key what it is stored as, `match` finds what a look-up means. */
class HashModel implements Model {
  protected readonly entries = new Map<string, string[]>();
  protected readonly is: Definition;
  constructor(is: Definition) {
    this.is = is;
  }
  protected cut(key: string): string | undefined {
    return key;
  }
  protected match(key: string): string {
    return key;
  }
  protected readonly full: string = E.TOOBIG;

  step(op: string, given: string, value: string, flags: number, cpu: number): Expected {
    const { is, entries } = this;
    const nested = is.type === 13;
    const own = isPercpu(is.type) ? cpu % is.cpus : 0;
    const takesKey = !["keys", "walk", "count", "clear", "each", "recover", "pop", "push"].includes(op);
    const key = takesKey ? this.cut(given) : given;
    if (key === undefined) return op === "lookup" ? "0" : op === "read" ? E.NOENT : E.INVAL;
    const found = entries.get(op === "lookup" || op === "read" ? this.match(key) : key);
    switch (op) {
      case "lookup":
        if (nested) return `${found === undefined ? 0 : ([101, 0, 103, 104][u32(found[0])] ?? 0)}`;
        return found?.[own] ?? "0";
      case "percpu":
        return (isPercpu(is.type) && flags < is.cpus && found?.[flags]) || "0";
      case "read":
        return found === undefined ? E.NOENT : joined(is, found);
      case "update":
      case "write": {
        if (flags > 2 || (nested && (op === "update" || u32(value) >= 0x7fffffff))) return E.INVAL;
        if (found === undefined && flags === 2) return E.NOENT;
        if (found !== undefined && flags === 1) return E.EXIST;
        if (found === undefined && entries.size === is.max) return this.full;
        const values = found ?? new Array(isPercpu(is.type) ? is.cpus : 1).fill(zeros(is.value));
        if (op === "update") values[own] = value;
        else values.splice(0, values.length, ...split(is, value));
        entries.set(key, values);
        return "0";
      }
      case "take":
      case "delete":
        if (found === undefined) return E.NOENT;
        entries.delete(key);
        return op === "delete" ? "0" : joined(is, found);
      case "pop":
      case "push":
        return E.INVAL;
      case "keys": {
        const wanted = sorted([...entries.keys(), "-2"].join(" "));
        return (answer) => sorted(answer) === wanted;
      }
      case "walk": {
        const wanted = sorted([...[...entries].map(([k, v]) => `${k}=${joined(is, v)}`), "-2"].join(" "));
        return (answer) => sorted(answer) === wanted;
      }
      case "count":
        return `${entries.size}`;
      case "clear":
        entries.clear();
        return "0";
      case "each":
        if (flags !== 0 || nested || is.type === 11) return E.INVAL;
        return `${Math.min(entries.size, Math.max(1, Number(given)))}`;
      case "recover":
        return "0";
    }
    throw new Error(op);
  }
}

class TrieModel extends HashModel {
  protected override readonly full = E.NOSPC;
  protected override cut(key: string): string | undefined {
    const length = u32(key);
    return length > (this.is.key - 4) * 8 ? undefined : this.to(key, length);
  }
  private to(key: string, length: number): string {
    const data = Buffer.from(key, "hex").subarray(4);
    const bits = [...data].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const kept = bits.slice(0, length).padEnd(bits.length, "0");
    return (
      u32Hex(length) +
      (kept.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2).toString(16).padStart(2, "0")).join("")
    );
  }
  protected override match(key: string): string {
    for (let length = u32(key); length >= 0; length--)
      if (this.entries.has(this.to(key, length))) return this.to(key, length);
    return key;
  }
}

/** What an lru map must keep is the key that was inserted last; what it has must be right, and full maps take new keys. */
class LruModel extends HashModel {
  override step(op: string, key: string, value: string, flags: number, cpu: number): Expected {
    const { entries, is } = this;
    switch (op) {
      case "update":
      case "write": {
        if (flags > 2) return E.INVAL;
        const before = new Map(entries);
        const known = before.has(key);
        const certain = !this.unsure.has(key);
        if ((!known || !certain) && entries.size >= is.max)
          for (const k of entries.keys()) if (k !== key) this.unsure.add(k);
        if (certain || !known) {
          if (known && flags === 1) return E.EXIST;
          if (!known && flags === 2) return E.NOENT;
          if (known && flags !== 1) return super.step(op, key, value, flags, cpu);
          this.insert(op, key, value, cpu);
          return "0";
        }
        return (answer) => {
          if (flags === 1 ? answer === E.EXIST : flags === 2 ? answer === E.NOENT : false) {
            if (flags === 1) this.unsure.delete(key);
            else this.forget(key);
            return true;
          }
          if (answer !== "0") return false;
          if (flags === 2) {
            // Was there: the other cpus' values stay.
            this.unsure.delete(key);
            super.step("update", key, value, 2, cpu);
            if (op === "write") entries.set(key, split(is, value));
            return true;
          }
          if (flags === 1) this.insert(op, key, value, cpu);
          else {
            // Whether it was there shows in the other cpus' values alone.
            const kept = entries.get(key)!;
            this.insert(op, key, value, cpu);
            if (op === "update" && isPercpu(is.type)) this.either.set(key, kept);
          }
          return true;
        };
      }
      case "lookup":
      case "percpu":
      case "read":
      case "take":
      case "delete": {
        if (!this.unsure.has(key) && !this.either.has(key)) return super.step(op, key, value, flags, cpu);
        const missing = op === "lookup" || op === "percpu" ? "0" : E.NOENT;
        const other = this.either.get(key);
        const unsure = this.unsure.has(key);
        const copy = entries.get(key);
        const expected = super.step(op, key, value, flags, cpu) as string;
        let second: string | undefined;
        if (other !== undefined && copy !== undefined) {
          const now = other.map((v, c) => (copy[c] !== zeros(is.value) ? copy[c] : v));
          entries.set(key, now);
          second = super.step(op, key, value, flags, cpu) as string;
          if (op !== "take" && op !== "delete") entries.set(key, copy);
        }
        return (answer) => {
          if (unsure && answer === missing) {
            if (op !== "percpu" || (isPercpu(is.type) && flags < is.cpus)) this.forget(key);
            return true;
          }
          if (op !== "percpu" || (isPercpu(is.type) && flags < is.cpus)) this.unsure.delete(key);
          if (op === "take" || op === "delete") this.forget(key);
          return answer === expected || answer === second;
        };
      }
      case "count":
        return (answer) => Number(answer) <= is.max && Number(answer) >= entries.size - this.unsure.size;
      case "keys":
        return (answer) => {
          const there = new Set(answer.split(" ").slice(0, -1));
          const ok = there.size <= is.max && [...there].every((k) => entries.has(k)) && answer.endsWith("-2");
          for (const k of [...entries.keys()])
            if (there.has(k)) this.unsure.delete(k);
            else if (!this.unsure.has(k)) return false;
            else this.forget(k);
          return ok;
        };
      case "walk":
      case "each":
        return (answer) =>
          !answer.startsWith("-") || answer === "-2" || (op === "each" && flags !== 0 && answer === E.INVAL);
      case "clear":
        this.unsure.clear();
        this.either.clear();
        return super.step(op, key, value, flags, cpu);
    }
    return super.step(op, key, value, flags, cpu);
  }
  /** Keys that may have been evicted. */
  private readonly unsure = new Set<string>();
  /** Per-cpu values of keys that were perhaps evicted and inserted again. */
  private readonly either = new Map<string, string[]>();

  private forget(key: string): void {
    this.entries.delete(key);
    this.unsure.delete(key);
    this.either.delete(key);
  }
  private insert(op: string, key: string, value: string, cpu: number): void {
    const { is, entries } = this;
    const values = new Array(isPercpu(is.type) ? is.cpus : 1).fill(zeros(is.value));
    if (op === "update") values[isPercpu(is.type) ? cpu % is.cpus : 0] = value;
    this.forget(key);
    entries.set(key, op === "update" ? values : split(is, value));
  }
}

class QueueModel implements Model {
  private values: string[] = [];
  private readonly is: Definition;
  constructor(is: Definition) {
    this.is = is;
  }
  step(op: string, _key: string, value: string, flags: number): Expected {
    const { is, values } = this;
    const at = is.type === 22 ? 0 : values.length - 1;
    switch (op) {
      case "push":
      case "write":
        if (flags !== 0 && flags !== 2) return E.INVAL;
        if (values.length === is.max && flags === 0) return E.TOOBIG;
        if (values.length === is.max) values.shift();
        values.push(value);
        return "0";
      case "pop":
      case "take":
        return values.length === 0 ? E.NOENT : values.splice(at, 1)[0];
      case "peek":
      case "read":
        return values[at] ?? E.NOENT;
      case "count":
        return `${values.length}`;
      case "walk":
        return `${values.map((v) => `=${v} `).join("")}-2`;
      case "clear":
        this.values = [];
        return "0";
      case "lookup":
      case "percpu":
        return "0";
    }
    return E.INVAL;
  }
}

class BloomModel implements Model {
  private readonly values = new Set<string>();
  private falsely = 0;
  step(op: string, _key: string, value: string, flags: number): Expected {
    switch (op) {
      case "push":
      case "write":
        if (flags !== 0) return E.INVAL;
        this.values.add(value);
        return "0";
      case "test":
        if (this.values.has(value)) return "0";
        return (answer) => answer === E.NOENT || (answer === "0" && ++this.falsely < 40);
      case "pop":
      case "take":
        return E.NOTSUPP;
      case "clear":
        this.values.clear();
        return "0";
      case "lookup":
      case "percpu":
        return "0";
    }
    return E.INVAL;
  }
}

class TargetsModel implements Model {
  private readonly numbers = new Map<number, number>();
  private readonly is: Definition;
  constructor(is: Definition) {
    this.is = is;
  }
  step(op: string, key: string, value: string, flags: number): Expected {
    const { is, numbers } = this;
    const index = op === "tail" ? Number(key) : /^[0-9a-f]{8}$/.test(key) ? u32(key) : 0;
    const number = numbers.get(index);
    const target = number === undefined ? "0" : `${[101, 0, 103, 104][number] ?? 0}`;
    switch (op) {
      case "lookup":
        return is.type === 12 ? target : "0";
      case "tail":
        return is.type === 3 ? target : "0";
      case "write":
        if (flags !== 0 || u32(value) >= 0x7fffffff) return E.INVAL;
        if (index >= is.max) return E.TOOBIG;
        numbers.set(index, u32(value));
        return "0";
      case "read":
        return number === undefined ? E.NOENT : u32Hex(number);
      case "delete":
        if (index >= is.max) return E.TOOBIG;
        return numbers.delete(index) ? "0" : E.NOENT;
      case "count":
        return `${numbers.size}`;
      case "walk":
        return `${[...numbers]
          .sort(([a], [b]) => a - b)
          .map(([i, n]) => `${u32Hex(i)}=${u32Hex(n)} `)
          .join("")}-2`;
      case "keys":
        return `${Array.from({ length: is.max }, (_, i) => `${u32Hex(i)} `).join("")}-2`;
      case "clear":
        numbers.clear();
        return "0";
      case "percpu":
        return "0";
    }
    return E.INVAL;
  }
}

class RingModel implements Model {
  private records: { data: string; gone: boolean }[] = [];
  private produced = 0;
  private consumed = 0;
  private lost = 0;
  private readonly size: number;
  private readonly perf: boolean;
  constructor(is: Definition) {
    this.perf = is.type === 4;
    this.size = this.perf ? 65536 : is.max;
  }
  private room = (data: string): number => 8 + pad8(data.length / 2);
  private add(data: string, gone: boolean): boolean {
    if (this.produced + this.room(data) - this.consumed >= this.size) {
      this.lost++;
      return false;
    }
    this.produced += this.room(data);
    this.records.push({ data, gone });
    return true;
  }
  private drop(): void {
    while (this.records[0]?.gone) this.consumed += this.room(this.records.shift()!.data);
  }
  step(op: string, key: string, value: string, flags: number): Expected {
    const data = value === "-" ? "" : value;
    switch (op) {
      case "output":
        if (this.perf ? flags > 0xffff_ffff : flags > 3) return E.INVAL;
        return this.add(data, false) ? "0" : this.perf ? E.NOSPC : E.AGAIN;
      case "submit":
      case "discard":
        if (flags !== 0 || this.perf) return "0";
        return this.add(data, op === "discard") ? "1" : "0";
      case "leave":
        // Nobody will finish it: the thread that reads is the one that left it.
        if (flags !== 0 || this.perf) return "0";
        return this.add(data, true) ? "1" : "0";
      case "consume": {
        this.drop();
        const first = this.records.shift();
        if (first === undefined) return E.AGAIN;
        this.consumed += this.room(first.data);
        return first.data;
      }
      case "query":
        if (this.perf) return "0";
        return `${[this.produced - this.consumed, this.size, this.consumed, this.produced][Number(key)] ?? 0}`;
      case "count":
        return `${this.produced - this.consumed}`;
      case "lost":
        return `${this.lost}`;
      case "clear":
        this.records = [];
        this.consumed = this.produced;
        return "0";
      case "lookup":
      case "percpu":
        return "0";
    }
    return E.INVAL;
  }
}

export function modelOf(is: Definition): Model {
  switch (is.type) {
    case 2:
    case 6:
      return new ArrayModel(is);
    case 3:
    case 12:
      return new TargetsModel(is);
    case 4:
    case 27:
      return new RingModel(is);
    case 9:
    case 10:
      return new LruModel(is);
    case 11:
      return new TrieModel(is);
    case 22:
    case 23:
      return new QueueModel(is);
    case 30:
      return new BloomModel();
    default:
      return new HashModel(is);
  }
}
