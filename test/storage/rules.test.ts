// The block store's rules one by one, as somebody who broke one would be told: all or nothing, what a refusal says, what a
// store without a disk or without memory of its own does.

import { describe, expect, test } from "vitest";
import { audit } from "../../src/memory/audit.js";
import { InvalidRequest, MemoryManager } from "../../src/memory/manager.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { unified } from "../../src/policy/unified.js";
import { type BytesKeeper, heapBytes } from "../../src/storage/bytes.js";
import { type BlockDisk, BlockStore } from "../../src/storage/store.js";
import { region } from "../memory/doubles.js";

/** Counts the places that are out. */
class Counting implements BytesKeeper {
  readonly #inner = heapBytes();
  live = 0;

  take(bytes: number): number {
    expect(bytes, "a place is asked for 1 byte or more").toBeGreaterThan(0);
    this.live += 1;
    return this.#inner.take(bytes);
  }
  write(place: number, content: Uint8Array, at: number): void {
    this.#inner.write(place, content, at);
  }
  view(place: number, bytes: number): Uint8Array {
    return this.#inner.view(place, bytes);
  }
  give(place: number, bytes: number): void {
    this.live -= 1;
    this.#inner.give(place, bytes);
  }
}

function world(disk: BlockDisk | null = null) {
  const manager = new MemoryManager({ policy: unified, onHeap: region(100), offHeap: region(100) });
  const keeper = new Counting();
  const store = new BlockStore({ manager, disk, keepers: [keeper, null] });
  const check = (): string[] => audit({ manager, store, tasks: [], rawStorage: [0, 0], consumersOnly: false });
  return { manager, keeper, store, check };
}

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const kept = (store: BlockStore): string[] => [...store.blocks(ON_HEAP)];

describe("an eviction", () => {
  test("takes enough blocks or none: those that would not do stay, in their order and unlocked", () => {
    const { store, keeper, check } = world();
    for (const block of ["a", "b", "c"]) store.put(block, bytes(30));
    store.pin("b");
    // 10 are free and 60 could go: 70 is what there is.
    expect([store.put("d", bytes(71)), kept(store), store.evictions, keeper.live]).toEqual([
      false,
      ["a", "b", "c"],
      0,
      3,
    ]);
    for (const block of ["a", "c"]) {
      store.pin(block);
      store.unpin(block);
    }
    expect(store.put("d", bytes(70))).toBe(true);
    expect([kept(store), store.evictions, keeper.live]).toEqual([["b", "d"], 2, 2]);
    expect(check()).toEqual([]);
  });

  test("says where a block goes, unless told otherwise nowhere", () => {
    const { store } = world();
    const left: unknown[] = [];
    store.onEvict = (block, size, mode, to) => left.push([block, size, mode, to]);
    store.put("a", bytes(60));
    store.putAccount("b", 60);
    store.putAccount("c", 60, ON_HEAP, "disk");
    store.putAccount("d", 60);
    expect(left).toEqual([
      ["a", 60, ON_HEAP, "gone"],
      ["b", 60, ON_HEAP, "gone"],
      ["c", 60, ON_HEAP, "disk"],
    ]);
  });

  test("that is watched by somebody who puts another block does not end the put", () => {
    const { store, check } = world();
    store.put("a", bytes(60));
    store.onEvict = () => store.put("little", bytes(5));
    expect(store.put("b", bytes(60))).toBe(true);
    expect(kept(store)).toEqual(["little", "b"]);
    expect(check()).toEqual([]);
  });
});

describe("refusals say", () => {
  test("which block, and why", () => {
    const { store } = world();
    store.put("a", bytes(10));
    const misuse = (message: string): unknown => expect.objectContaining({ name: "BlockMisuse", message });
    expect(() => store.put("a", bytes(10))).toThrow(
      expect.objectContaining({ name: "BlockExists", message: "block a is in memory already" }),
    );
    expect(() => store.pin("b")).toThrow(misuse("block b is not in memory and cannot be pinned"));
    expect(() => store.unpin("a")).toThrow(misuse("block a is not pinned"));
    store.pin("a");
    expect(() => store.remove("a")).toThrow(misuse("block a is pinned 1 times and cannot be removed"));
    expect(() => store.put("b", bytes(10), ON_HEAP, "disk")).toThrow(
      misuse("block b is to go to disk when it is evicted, and this store has none"),
    );
  });

  test("that a block is leaving", () => {
    const { store } = world();
    store.put("a", bytes(30));
    store.put("b", bytes(30));
    const said: string[] = [];
    store.onEvict = (block) => {
      if (block !== "a") return;
      for (const ask of [() => store.pin("b"), () => store.remove("b"), () => store.clear()]) {
        try {
          ask();
        } catch (error) {
          said.push((error as Error).message);
        }
      }
    };
    expect(store.put("c", bytes(100))).toBe(true);
    expect(said).toEqual([
      "block b is being evicted",
      "block b is being evicted",
      "a store is not cleared while it evicts",
    ]);
  });

  test.each([-1, 0.5, Number.NaN])("that %d bytes of unroll memory are none", (size) => {
    const { store } = world();
    store.reserveUnroll("u", 10, ON_HEAP);
    expect(() => store.releaseUnroll(size, ON_HEAP)).toThrow(InvalidRequest);
    expect(() => store.releaseUnroll(size, ON_HEAP)).toThrow(`release of unroll memory of ${size} bytes`);
    store.releaseUnroll(0, ON_HEAP);
    expect(store.unrolled(ON_HEAP)).toBe(10);
  });
});

describe("a store", () => {
  test("without a disk reads and removes from memory alone", () => {
    const { store } = world();
    expect([store.read("a"), store.remove("a")]).toEqual([null, false]);
    store.put("a", bytes(10));
    expect([store.read("a")?.length, store.remove("a"), store.read("a")]).toEqual([10, true, null]);
  });

  test("removes from its disk only what is there", () => {
    const removed: string[] = [];
    const disk: BlockDisk = {
      write: () => expect.fail("nothing is written"),
      read: () => null,
      has: (block) => block === "there",
      remove: (block) => removed.push(block),
    };
    const { store } = world(disk);
    store.put("a", bytes(10));
    expect([store.remove("a"), store.remove("there"), store.remove("nowhere")]).toEqual([true, true, false]);
    expect(removed).toEqual(["there"]);
  });

  test("keeps accounts of what it has no memory for, and needs no disk for that", () => {
    const { store, keeper, check } = world();
    expect(store.put("a", bytes(60), OFF_HEAP, "disk")).toBe(true);
    expect([store.get("a")?.length, store.getSize("a"), keeper.live]).toEqual([0, 60, 0]);
    expect(store.put("b", bytes(60), OFF_HEAP)).toBe(true);
    expect([store.has("a"), store.used(OFF_HEAP)]).toEqual([false, 60]);
    expect(check()).toEqual([]);
  });

  test("without memory of any kind keeps accounts", () => {
    const manager = new MemoryManager({ policy: unified, onHeap: region(100), offHeap: region(100) });
    const store = new BlockStore({ manager });
    expect([store.put("a", bytes(10)), store.put("b", bytes(10), OFF_HEAP)]).toEqual([true, true]);
    expect([store.get("a")?.length, store.get("b")?.length, manager.storageUsed]).toEqual([0, 0, 20]);
  });

  test("takes no place for an empty block, and gives back that of a block that could not be kept", () => {
    const disk: BlockDisk = {
      write: () => expect.fail("nothing is written"),
      read: () => null,
      has: (block) => block === "old",
      remove: () => {
        throw new Error("the disk");
      },
    };
    const { store, keeper, check } = world(disk);
    expect([store.put("empty", bytes(0)), keeper.live]).toEqual([true, 0]);
    expect(() => store.put("old", bytes(10))).toThrow("the disk");
    expect([keeper.live, store.size]).toEqual([0, 1]);
    expect(check()).toEqual([]);
  });
});
