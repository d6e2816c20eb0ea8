/** The imports that code refers to, numbered as they are met; compile.ts orders the ones that survive. */

import type { Import } from "../../formats/container.ts";
import { helperById, prototypeHash } from "../../helpers/table.ts";

export class Imports {
  readonly list: Import[] = [];
  /** Slots that stay in the list though no code reads them: what was done through them is done in another way. */
  readonly kept = new Set<number>();
  private readonly known = new Map<string, number>();

  private slot(key: string, make: () => Import): number {
    let slot = this.known.get(key);
    if (slot === undefined) {
      slot = this.list.push(make()) - 1;
      this.known.set(key, slot);
    }
    return slot;
  }

  helper(id: number): number {
    const row = helperById(id);
    return this.slot(`#${id}`, () => ({ kind: "helper", id, hash: row ? prototypeHash(row) : 0 }));
  }

  named(name: string): number {
    return this.slot(name, () => ({ kind: "named", name, hash: 0 }));
  }

  data(): number {
    return this.slot("#data", () => ({ kind: "data" }));
  }

  map(index: number): number {
    return this.slot(`#map${index}`, () => ({ kind: "map", index }));
  }
}
