/** The spf container, for one or several targets: a file that this reads has passed every check of the specification. */

import { align, hex, Reader, Writer } from "./bytes.ts";
import { archOf, checkLimits, fileChecksum, magicNumber, openContainer, refuse } from "./common.ts";
import { ARCHES, type Arch, type Container } from "./container.ts";
import { bug } from "./error.ts";
import { type Field, fieldOffset, fieldsSize, readFields, writeFields } from "./fields.ts";
import { SECTIONS, type Section, stringsIn } from "./sections.ts";
import { layOutStrings, Strings } from "./strings.ts";

export const SPF_MAGIC = "spf\0";
export const SPF_VERSION = 1;

export const SPF_HEADER = [
  { name: "magic", size: 4, doc: "`spf` and a NUL (73 70 66 00)" },
  { name: "version", size: 1, doc: "1" },
  { name: "flags", size: 1, doc: "0" },
  { name: "sections", size: 2, doc: "number of sections" },
  { name: "size", size: 4, doc: "bytes of the whole file" },
  { name: "checksum", size: 4, doc: "CRC-32 of the whole file with this field zero" },
  { name: "arches", size: 4, doc: "bit k = 1: the file has code for architecture k" },
  { name: "zero", size: 4, doc: "0" },
] as const satisfies readonly Field[];

export const SECTION_HEADER = [
  { name: "type", size: 1, doc: "number of the section's type" },
  { name: "flags", size: 1, doc: "bit 0: critical; other bits are 0" },
  { name: "arch", size: 1, doc: "architecture that it is for, 255 = all" },
  { name: "zero", size: 1, doc: "0" },
  { name: "size", size: 4, doc: "bytes of the payload that follows" },
] as const satisfies readonly Field[];

const HEADER_SIZE = fieldsSize(SPF_HEADER);
const SECTION_SIZE = fieldsSize(SECTION_HEADER);
const ALL = 0xff;
const [PAD, CODE] = SECTIONS;
const STRINGS = 2;
const rows = new Map(SECTIONS.map((section) => [section.type, section]));

/**
 * The bytes of an spf file; with several containers (one a target) it has code for all of them, and a
 * section that is the same for all is stored once.
 */
export function writeSpf(containers: Container | readonly Container[], where = "spf"): Uint8Array {
  const targets = (Array.isArray(containers) ? [...containers] : [containers]) as Container[];
  targets.sort((a, b) => ARCHES[a.arch] - ARCHES[b.arch]);
  if (targets.length === 0 || new Set(targets.map((target) => target.arch)).size !== targets.length)
    bug("writeSpf needs one container a target");
  for (const target of targets) checkLimits(target, where);
  const strings = layOutStrings(
    targets.flatMap((target) => [...stringsIn(target)]),
    where,
  );
  const sections = SECTIONS.flatMap((section) => {
    const payloads = targets.map((container) => payloadOf(section, { container, strings, where }));
    const shared = section !== CODE && payloads.every((payload) => equal(payload, payloads[0]));
    if (shared) return [{ section, arch: ALL, payload: payloads[0] }];
    return payloads.map((payload, i) => ({ section, arch: ARCHES[targets[i].arch], payload }));
  }).filter(({ payload }) => payload.length > 0);
  const out = new Writer(1024);
  writeFields(out, SPF_HEADER, {
    magic: magicNumber(SPF_MAGIC),
    version: SPF_VERSION,
    flags: 0,
    sections: 0,
    size: 0,
    checksum: 0,
    arches: targets.reduce((mask, { arch }) => mask | (1 << ARCHES[arch]), 0) >>> 0,
    zero: 0,
  });
  let count = 0;
  for (const { section, arch, payload } of sections) {
    if (section === CODE && (out.size + SECTION_SIZE) % 16 !== 0) count += writeSection(out, PAD, ALL);
    count += writeSection(out, section, arch, payload);
  }
  return finish(out, count);
}

function payloadOf(section: Section, from: Parameters<NonNullable<Section["write"]>>[1]): Uint8Array {
  const out = new Writer();
  section.write?.(out, from);
  return out.finish();
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function writeSection(
  out: Writer,
  section: Section,
  arch: number,
  payload: Uint8Array = new Uint8Array(0),
): 1 {
  const flags = section.critical ? 1 : 0;
  writeFields(out, SECTION_HEADER, { type: section.type, flags, arch, zero: 0, size: payload.length });
  out.bytes(payload);
  out.align(8);
  return 1;
}

function finish(out: Writer, sections: number): Uint8Array {
  const bytes = out.finish();
  const view = new DataView(bytes.buffer);
  const at = (name: (typeof SPF_HEADER)[number]["name"]) => fieldOffset(SPF_HEADER, name);
  view.setUint16(at("sections"), sections, true);
  view.setUint32(at("size"), bytes.length, true);
  view.setUint32(at("checksum"), fileChecksum(bytes, at("checksum")), true);
  return bytes;
}

interface Placed {
  section: Section;
  arch: number;
  payload: Reader;
}

/** Header and section list of a file, checked; payloads are not decoded yet. */
function readSections(bytes: Uint8Array, where: string): { arches: number; sections: Placed[] } {
  const about = { magic: SPF_MAGIC, version: SPF_VERSION, fields: SPF_HEADER };
  const { reader, header } = openContainer(bytes, where, about);
  if (header.flags !== 0 || header.zero !== 0) reader.fail(0, "reserved fields of 0", "other values");
  if (header.arches === 0)
    reader.fail(fieldOffset(SPF_HEADER, "arches"), "at least one architecture", "none");
  const sections: Placed[] = [];
  let at = HEADER_SIZE;
  for (let i = 0; i < header.sections; i++) {
    const placed = readSection(reader, at, header.arches);
    if (placed.known !== undefined) sections.push(placed.known);
    at = placed.end;
  }
  if (at !== bytes.length) reader.fail(at, "the end of the file", `${bytes.length - at} more bytes`);
  return { arches: header.arches, sections };
}

/** One section; `known` is undefined for pads and for optional sections of unknown types. */
function readSection(reader: Reader, at: number, arches: number): { known?: Placed; end: number } {
  const { type, flags, arch, zero, size } = readFields(reader, at, SECTION_HEADER);
  if (flags > 1 || zero !== 0) reader.fail(at, "reserved bits of 0 in a section header", hex(flags | zero));
  if (arch !== ALL && (arch > 31 || ((arches >>> arch) & 1) === 0))
    reader.fail(at, "a section for an architecture of this file", `${arch}`);
  const start = at + SECTION_SIZE;
  const payload = reader.slice(start, size, `section of type ${type}`);
  const end = align(start + size, 8);
  if (!reader.slice(start + size, end - start - size, "padding").every((byte) => byte === 0))
    reader.fail(start + size, "padding of zeros", "other bytes");
  const section = rows.get(type);
  if (section?.read === undefined) {
    if (flags === 1) unknownSection(reader, at, section?.name ?? `type ${type}`);
    return { end };
  }
  if ((flags === 1) !== section.critical)
    reader.fail(
      at,
      `a section "${section.name}" ${section.critical ? "" : "not "}marked critical`,
      `flags ${flags}`,
    );
  if (section === CODE && (start % 16 !== 0 || arch === ALL))
    reader.fail(at, "code for one architecture at a multiple of 16", `arch ${arch} at ${hex(start)}`);
  const where = `${reader.where}: ${section.name}`;
  return { known: { section, arch, payload: new Reader(payload, where, reader.code) }, end };
}

const unknownSection = (reader: Reader, at: number, what: string): never =>
  refuse(
    "ERR_RUNBPF_VERSION",
    `${reader.where}+${hex(at)}`,
    "critical sections that this version knows",
    what,
    "made by a newer runbpf?",
  );

/** The architectures that an spf file has code for. */
export function spfTargets(bytes: Uint8Array, where: string): Arch[] {
  return targetsOf(readSections(bytes, where).arches);
}

const targetsOf = (arches: number): Arch[] =>
  (Object.keys(ARCHES) as Arch[]).filter((arch) => ((arches >>> ARCHES[arch]) & 1) === 1);

/** Which of the file's targets to read: the one asked for, or the only one. */
function chooseTarget(arches: number, where: string, arch: Arch | undefined): Arch {
  const targets = targetsOf(arches);
  const found = targets.join(", ") || "architectures that this version does not know";
  if (arch === undefined && targets.length === 1) return targets[0];
  if (arch === undefined || !targets.includes(arch))
    refuse("ERR_RUNBPF_ARCH", where, arch === undefined ? "one architecture" : `code for ${arch}`, found);
  return arch;
}

/**
 * Reads and checks an spf file for one architecture (asked for when the file has several); code and
 * data are views of `bytes`. The caller compares contracts with what it offers.
 */
export function readSpf(bytes: Uint8Array, where: string, arch?: Arch): Container {
  const { arches, sections } = readSections(bytes, where);
  const target = chooseTarget(arches, where, arch);
  const mine = new Map<number, Placed>();
  for (const placed of sections) {
    if (placed.arch !== ALL && placed.arch !== ARCHES[target]) continue;
    const { type, name } = placed.section;
    if (mine.has(type)) placed.payload.fail(0, `one section "${name}" for ${target}`, "a second one");
    mine.set(type, placed);
  }
  const noStrings = new Reader(new Uint8Array(0), `${where}: strings`, "ERR_RUNBPF_CONTAINER");
  const strings = new Strings(mine.get(STRINGS)?.payload ?? noStrings);
  const container = emptyContainer(target);
  for (const section of SECTIONS) {
    const placed = mine.get(section.type);
    if (placed !== undefined) section.read?.(placed.payload, { container, strings });
  }
  if (container.programs.length === 0)
    refuse("ERR_RUNBPF_CONTAINER", where, `code and programs for ${target}`, "sections without them");
  return container;
}

const emptyContainer = (target: Arch): Container => ({
  format: "spf",
  arch: archOf(ARCHES[target]) ?? target,
  code: new Uint8Array(0),
  imports: [],
  data: new Uint8Array(0),
  dataSize: 0,
  relocations: [],
  programs: [],
  maps: [],
  symbols: [],
});
