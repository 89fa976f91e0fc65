// The blocks that lie in memory: their records in the table, their bytes with a keeper or their values here, their place with an
// eviction policy. What concerns all of these at once is done here, inside of a decision of the accounts.

import type { Ledger } from "../memory/ledger.js";
import type { MemoryManager } from "../memory/manager.js";
import type { Mode } from "../memory/mode.js";
import type { BlockId } from "./block.js";
import { type BytesKeeper, NO_PLACE } from "./bytes.js";
import type { Fate } from "./contract.js";
import type { BlockTable } from "./table.js";
import type { Victims } from "./victims.js";

const NOTHING = new Uint8Array(0);

/** One worker's hold on them. Ids are canonical, blocks are known by their slot in the table. */
export class Residents {
  readonly table: BlockTable;
  readonly manager: MemoryManager;
  readonly ledger: Ledger;
  readonly keepers: readonly [BytesKeeper | null, BytesKeeper | null];
  /** Null: Spark's own order, which is that of the table. */
  readonly victims: readonly [Victims, Victims] | null;
  /** By slot: blocks of values only. */
  readonly values = new Map<number, readonly unknown[]>();
  /** Told of a value that could not be closed; null where values are not closed. */
  readonly #closeFailed: ((error: unknown) => void) | null;
  /** How deep this worker is outside of a decision that it is in the middle of. */
  away = 0;

  constructor(
    table: BlockTable,
    manager: MemoryManager,
    keepers: readonly [BytesKeeper | null, BytesKeeper | null],
    victims: readonly [Victims, Victims] | null,
    closeFailed: ((error: unknown) => void) | null,
  ) {
    this.table = table;
    this.manager = manager;
    this.ledger = manager.ledger;
    this.keepers = keepers;
    this.victims = victims;
    this.#closeFailed = closeFailed;
  }

  /** A slot for a block whose bytes this worker has acquired. */
  insert(id: BlockId, bytes: number, place: number, mode: Mode, fate: Fate): number {
    const slot = this.table.insert(id, bytes, mode, place, fate === "disk");
    this.ledger.intoBlock(bytes, mode);
    this.victims?.[mode].arrived(id, slot, bytes);
    return slot;
  }

  /** A block that is used becomes the newest. */
  use(slot: number): void {
    this.table.touch(slot);
    if (this.victims !== null) this.victims[this.table.mode(slot)].used(this.table.idAt(slot), slot);
  }

  /** Its bytes, not a copy. */
  view(slot: number): Uint8Array {
    const place = this.table.place(slot);
    return place === NO_PLACE ? NOTHING : this.keepers[this.table.mode(slot)]!.view(place, this.table.bytes(slot));
  }

  /** A step of its own, that is whole or undone. */
  drop(slot: number): void {
    const table = this.table;
    const bytes = table.bytes(slot);
    const mode = table.mode(slot);
    const place = table.place(slot);
    this.victims?.[mode].left(slot);
    table.remove(slot);
    this.manager.releaseBlock(bytes, mode);
    this.ledger.commit();
    if (place !== NO_PLACE) {
      this.keepers[mode]!.give(place, bytes);
    } else if (this.values.size > 0) {
      this.#dropValues(slot);
    }
  }

  /** Runs `call`, a disk's or a handler's, in the middle of a decision. */
  outside<T>(call: () => T): T {
    this.away += 1;
    try {
      return this.ledger.outside(call);
    } finally {
      this.away -= 1;
    }
  }

  #dropValues(slot: number): void {
    const values = this.values.get(slot);
    if (values === undefined) return;
    this.values.delete(slot);
    if (this.#closeFailed === null) return;
    for (const value of values) {
      if (!isClosable(value)) continue;
      try {
        value.close();
      } catch (error) {
        // As in Spark, a value that cannot be closed does not keep its block in memory.
        this.#closeFailed(error);
      }
    }
  }
}

function isClosable(value: unknown): value is { close(): void } {
  return typeof value === "object" && value !== null && typeof (value as { close?: unknown }).close === "function";
}
