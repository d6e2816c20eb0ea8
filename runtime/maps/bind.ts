/** A container's maps brought to life for one instance: memory from a store, handles, initial entries, targets. */

import { CONTEXTS, type Container, type MapDefinition } from "../../formats/container.ts";
import { InputError } from "../../formats/error.ts";
import type { Types } from "../../formats/value-types.ts";
import type { Word } from "../../helpers/host.ts";
import { definitionOf, isOfMaps, isOfPrograms, MapAccess } from "./access.ts";
import { GuestMap, type Targets } from "./guest-map.ts";
import type { MapMachine } from "./library.ts";
import type { MapStore } from "./store.ts";

/** Maps that JavaScript may add to an instance, for maps of maps. */
const MORE = 1024;

export interface Binding {
  /** What each map's slot holds; 0 for definitions that are templates of inner maps alone. */
  readonly slots: readonly Word[];
  /** After a run that did not end. */
  reset(): void;
}

/** Who attaches: the thread's name in locks, and its number in per-cpu maps. */
export interface Attacher {
  owner: number;
  cpu: number;
}

/** Definitions that only say what inner maps look like: nothing refers to them as maps. */
function templates({ maps, imports }: Container): Set<number> {
  const found = new Set(maps.map(({ inner }) => inner).filter((inner) => inner >= 0));
  for (const slot of imports) if (slot.kind === "map") found.delete(slot.index);
  for (const { initial } of maps)
    for (const { kind, target } of initial) if (kind === "map") found.delete(target);
  return found;
}

/** Contexts of programs that may end in one another: those whose only argument is the context. */
const mayTailCall = (context: number): boolean =>
  context !== CONTEXTS.args && context !== CONTEXTS.mem && context !== CONTEXTS.cmd;

export class BoundMaps implements Binding, Targets {
  readonly slots: Word[];
  private readonly container: Container;
  private readonly machine: MapMachine;
  private readonly store: MapStore;
  private readonly who: Attacher;
  /** By number in the container; those that JavaScript added stand behind. */
  private readonly accesses: (MapAccess | undefined)[] = [];
  private readonly definitions: MapDefinition[];
  private readonly views = new Map<MapAccess, GuestMap>();

  constructor(container: Container, machine: MapMachine, store: MapStore, who: Attacher) {
    this.container = container;
    this.machine = machine;
    this.store = store;
    this.who = who;
    this.definitions = [...container.maps];
    const skipped = templates(container);
    for (const [n, map] of container.maps.entries())
      this.accesses.push(skipped.has(n) ? undefined : this.attach(map));
    this.slots = this.accesses.map((access) => access?.address ?? 0);
    for (const n of this.accesses.keys()) this.setTargets(n);
    for (const [n, map] of container.maps.entries()) if (this.accesses[n]?.block.isNew) this.fill(n, map);
  }

  private attach(map: MapDefinition): MapAccess {
    const { programs, maps } = this.container;
    const is = definitionOf(map, 1);
    const targets = isOfPrograms(is) ? programs.length : isOfMaps(is) ? maps.length + MORE : 0;
    return new MapAccess(this.machine, this.store, map, this.who.owner, this.who.cpu, targets);
  }

  /** Puts the addresses of all that map n may hold into its table. */
  private setTargets(n: number): void {
    const access = this.accesses[n];
    if (access === undefined) return;
    if (isOfPrograms(access.is)) {
      for (const p of this.container.programs.keys())
        if (this.isCallable(p)) access.setTarget(p, this.machine.entry(p));
    } else if (isOfMaps(access.is)) {
      for (const [k, inner] of this.accesses.entries())
        if (inner !== undefined && this.fits(n, k)) access.setTarget(k, inner.address);
    }
  }

  /** Programs of several contexts cannot end in one another: which one a call comes from is not known. */
  private isCallable(p: number): boolean {
    const { programs } = this.container;
    const verified = programs.filter(({ contract }) => contract.verified && mayTailCall(contract.context));
    const contexts = new Set(verified.map(({ contract }) => contract.context));
    if (contexts.size === 0) return !programs[p].contract.verified;
    return contexts.size === 1 && contexts.has(programs[p].contract.context);
  }

  /** Map k looks like what map n holds. */
  private fits(n: number, k: number): boolean {
    const inner = this.definitions[this.definitions[n].inner];
    const other = this.definitions[k];
    if (inner === undefined || k === n) return false;
    const { type, keySize, valueSize, maxEntries, flags } = inner;
    return (
      type === other.type &&
      keySize === other.keySize &&
      valueSize === other.valueSize &&
      maxEntries === other.maxEntries &&
      flags === other.flags
    );
  }

  private fill(n: number, map: MapDefinition): void {
    const access = this.accesses[n];
    for (const { index, kind, target } of access === undefined ? [] : map.initial) {
      if (kind === "map" ? !this.fits(n, target) : !this.isCallable(target))
        throw new InputError("ERR_RUNBPF_MAP", {
          where: `map ${map.name} [${index}]`,
          expected: kind === "map" ? "a map like its inner one" : "programs of one context",
          got: kind === "map" ? `map ${this.definitions[target].name}` : this.container.programs[target].name,
        });
      access?.write(words(index), words(target), 0);
    }
  }

  private at(address: Word): MapAccess | undefined {
    return this.accesses.find((access) => access !== undefined && BigInt(access.address) === BigInt(address));
  }

  /** The key of the element of the map at `map` whose value holds `address`. */
  keyAt(map: Word, address: bigint): Uint8Array | undefined {
    return this.at(map)?.keyAt(address);
  }

  valueAt(map: Word, key: Uint8Array): { at: bigint; size: number } | undefined {
    const access = this.at(map);
    const at = access?.valueAt(key);
    return access === undefined || at === undefined ? undefined : { at, size: access.is.valueSize };
  }

  reset(): void {
    for (const access of this.accesses) access?.resetTailCalls();
  }

  /** The maps by name, as JavaScript uses them. */
  guestMaps(types: Types, isLoaded: () => boolean): Record<string, GuestMap> {
    const all: Record<string, GuestMap> = Object.create(null);
    for (const access of this.accesses)
      if (access !== undefined) all[access.name] = this.view(access, types, isLoaded);
    return all;
  }

  private view(access: MapAccess, types: Types, isLoaded: () => boolean): GuestMap {
    const made = new GuestMap(access, types, this, isLoaded);
    this.views.set(access, made);
    return made;
  }

  /** A new map with the definition of `outer`'s inner map, which it then may hold. */
  create(name: string, outer: string, types: Types, isLoaded: () => boolean): GuestMap {
    const n = this.definitions.findIndex((map) => map.name === outer);
    const inner = this.definitions[this.definitions[n]?.inner];
    const refuse = (expected: string, got: string): never => {
      throw new InputError("ERR_RUNBPF_ARGUMENT", { where: `map ${name}`, expected, got });
    };
    if (inner === undefined) return refuse("a map of maps to be like the inner map of", outer);
    if (this.definitions.some((map) => map.name === name)) return refuse("a name that is free", name);
    const k = this.accesses.length;
    if (k >= this.container.maps.length + MORE) return refuse(`at most ${MORE} maps more`, "one more");
    this.definitions.push({ ...inner, name, inner: -1, initial: [] });
    const access = this.attach(this.definitions[k]);
    this.accesses.push(access);
    for (const n of this.container.maps.keys())
      if (isOfMaps(definitionOf(this.definitions[n], 1)) && this.fits(n, k))
        this.accesses[n]?.setTarget(k, access.address);
    return this.view(access, types, isLoaded);
  }

  numberOf(outer: GuestMap, target: GuestMap | string | number): number | undefined {
    const n = this.accesses.findIndex((access) => access?.name === outer.name);
    if (isOfPrograms(outer.definition)) {
      const { programs } = this.container;
      const p = typeof target === "number" ? target : programs.findIndex(({ name }) => name === target);
      return programs[p] !== undefined && this.isCallable(p) ? p : undefined;
    }
    const name = target instanceof GuestMap ? target.name : target;
    const k = this.definitions.findIndex((map) => map.name === name);
    const isOurs = !(target instanceof GuestMap) || this.views.get(this.accesses[k]!) === target;
    return k >= 0 && isOurs && this.accesses[k] !== undefined && this.fits(n, k) ? k : undefined;
  }

  targetOf(outer: GuestMap, number: number): GuestMap | string | undefined {
    if (isOfPrograms(outer.definition)) return this.container.programs[number]?.name;
    const access = this.accesses[number];
    return access && this.views.get(access);
  }
}

const words = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
