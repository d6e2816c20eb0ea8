/**
 * Where the functions of an object start and end: FUNC symbols, and in code that has none, the start of the section
 * and whatever is called. Functions lie inside their sections, on instruction boundaries, and do not overlap.
 */

import { hex } from "../formats/bytes.ts";
import { type ElfRelocation, type ElfSymbol, type Section, STB, STT } from "../formats/elf.ts";
import { InputError } from "../formats/error.ts";
import { SLOT } from "../formats/isa/bpf.ts";
import { CALL, type Code, isCode, LDDW, placeInSection, type RawObject, relocationTarget } from "./object.ts";

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_ELF", { where, expected, got, hint });
}

const RANK: Record<number, number> = { [STB.GLOBAL]: 0, [STB.WEAK]: 1, [STB.LOCAL]: 2 };
const rank = (s: ElfSymbol): number => RANK[s.bind] ?? 3;

/** Functions of one section by its FUNC symbols, sorted by offset; symbols of one place are one function. */
function fromSymbols(file: string, section: Section, symbols: ElfSymbol[]): Code[] {
  const functions: Code[] = [];
  const place = (s: ElfSymbol) => placeInSection(file, section.name, s.value);
  symbols.sort((a, b) => a.value - b.value || rank(a) - rank(b));
  for (const symbol of symbols) {
    const { name, value, size, bind } = symbol;
    if (value % SLOT !== 0 || size % SLOT !== 0)
      refuse(place(symbol), `${name} on instruction boundaries (8 bytes)`, `${hex(value)}, ${size} bytes`);
    if (value >= section.size) refuse(place(symbol), `code of ${name}`, "the end of the section");
    const last = functions.at(-1);
    const exported = bind === STB.LOCAL ? [] : [name];
    if (last?.offset === value) {
      if (last.size !== 0 && size !== 0 && last.size !== size)
        refuse(place(symbol), `${name} with the ${last.size} bytes of ${last.name}`, `${size} bytes`);
      last.size ||= size;
      last.exported.push(...exported);
      continue;
    }
    if (last && last.offset + last.size > value)
      refuse(
        place(symbol),
        `${name} after the end of ${last.name} (${hex(last.offset + last.size)})`,
        "an overlap",
      );
    functions.push({ name, section, offset: value, size, exported });
  }
  functions.forEach((f, i) => {
    if (f.size === 0) f.size = (functions[i + 1]?.offset ?? section.size) - f.offset;
  });
  return functions;
}

/** Slots of `section` that a call (src 1) or a function's address (src 4) without relocation leads to. */
function localTargets(section: Section, relocations: ElfRelocation[]): number[] {
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const relocated = new Set(relocations.map((r) => r.offset));
  const targets: number[] = [];
  for (let at = 0; at + SLOT <= data.length; at += SLOT) {
    const pseudo = data[at] === CALL ? 1 : data[at] === LDDW ? 4 : 0;
    if (pseudo !== 0 && data[at + 1] >> 4 === pseudo && !relocated.has(at))
      targets.push(at + SLOT + view.getInt32(at + 4, true) * SLOT);
    if (data[at] === LDDW) at += SLOT;
  }
  return targets;
}

/** Hand-made code calls what lies behind a function's end under the same symbol: that is a function of its own. */
function splitAtTargets(functions: Code[], targets: number[]): Code[] {
  const inside = [...new Set(targets)].filter((t) => t % SLOT === 0).sort((a, b) => a - b);
  const result: Code[] = [];
  let next = 0;
  for (const whole of functions) {
    let part = whole;
    const end = whole.offset + whole.size;
    while (next < inside.length && inside[next] <= whole.offset) next++;
    for (; next < inside.length && inside[next] < end; next++) {
      const offset = inside[next];
      part.size = offset - part.offset;
      result.push(part);
      const name = `${whole.name}+${hex(offset - whole.offset)}`;
      part = { name, section: whole.section, offset, size: end - offset, exported: [] };
    }
    result.push(part);
  }
  return result;
}

/** Offsets that relocations refer to, by the section of their symbol. */
function relocatedTargets({ sections, relocations }: RawObject): Map<number, number[]> {
  const targets = new Map<number, number[]>();
  for (const [index, list] of relocations)
    for (const relocation of list) {
      const { section } = relocation.symbol;
      if (!sections[section] || !isCode(sections[section])) continue;
      const of = targets.get(section);
      const target = relocationTarget(sections[index], relocation);
      if (of) of.push(target);
      else targets.set(section, [target]);
    }
  return targets;
}

/** Functions in the parts of a section that no symbol covers, from the places that are called. */
function fromTargets(raw: RawObject, section: Section, known: Code[], targets: number[]): Code[] {
  const labels = new Map<number, string>();
  for (const s of raw.symbolsOf.get(section.index) ?? [])
    if (s.type === STT.NOTYPE && s.bind !== STB.LOCAL) labels.set(s.value, s.name);
  const starts = [...new Set(targets)].filter((t) => t >= 0 && t < section.size && t % SLOT === 0);
  starts.sort((a, b) => a - b);
  const functions: Code[] = [];
  let next = 0; // the first known function that starts behind `offset`
  starts.forEach((offset, i) => {
    while (next < known.length && known[next].offset <= offset) next++;
    const before = known[next - 1];
    if (before && offset < before.offset + before.size) return;
    const end = Math.min(known[next]?.offset ?? section.size, starts[i + 1] ?? section.size);
    const whole = offset === 0 ? section.name || "main" : undefined;
    const label = labels.get(offset);
    const name = label ?? whole ?? `${section.name || "main"}+${hex(offset)}`;
    functions.push({ name, section, offset, size: end - offset, exported: label || whole ? [name] : [] });
  });
  return functions;
}

/** Finds the functions of every code section, by section index and offset. Throws ERR_RUNBPF_ELF. */
export function findFunctions(raw: RawObject): Map<number, Map<number, Code>> {
  let targets: Map<number, number[]> | undefined;
  const found = new Map<number, Map<number, Code>>();
  for (const section of raw.sections) {
    if (!isCode(section)) continue;
    const symbols = (raw.symbolsOf.get(section.index) ?? []).filter((s) => s.type === STT.FUNC);
    const local = localTargets(section, raw.relocations.get(section.index) ?? []);
    const functions = splitAtTargets(fromSymbols(raw.name, section, symbols), local);
    const covered = functions.reduce((sum, f) => sum + f.size, 0);
    if (covered < section.size) {
      targets ??= relocatedTargets(raw);
      const start = functions.length === 0 ? [0] : [];
      const called = targets.get(section.index) ?? [];
      for (const f of fromTargets(raw, section, functions, [...start, ...local, ...called]))
        functions.push(f);
    }
    found.set(section.index, new Map(functions.map((f) => [f.offset, f])));
  }
  return found;
}
