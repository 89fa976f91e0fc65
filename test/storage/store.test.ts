// The block store as a store of bytes: what is put is read back, from memory or from disk, on heap and in the arena; and what
// disks, observers and callers may do in between leaves its accounts right.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openExecutor } from "../../src/executor.js";
import { MemoryManager } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { audit } from "../../src/memory/audit.js";
import { unified } from "../../src/policy/unified.js";
import { blockName, type BlockId, canonical, NO_RDD, rddBlock, rddOf } from "../../src/storage/block.js";
import { type BytesKeeper, heapBytes, NO_PLACE } from "../../src/storage/bytes.js";
import { type BlockDisk, BlockExists, BlockMisuse, BlockStore } from "../../src/storage/store.js";
import { LocalTable, NONE } from "../../src/storage/table.js";
import { numbers, seeded } from "../help/seed.js";
import { NO_REGION, region } from "../memory/doubles.js";

class MapDisk implements BlockDisk {
  readonly blocks = new Map<string, Uint8Array>();
  readonly log: string[] = [];
  trouble: Error | null = null;

  write(block: string, bytes: Uint8Array): void {
    if (this.trouble !== null) throw this.trouble;
    this.log.push(`write ${block}`);
    this.blocks.set(block, bytes.slice());
  }
  read(block: string): Uint8Array | null {
    return this.blocks.get(block) ?? null;
  }
  has(block: string): boolean {
    return this.blocks.has(block);
  }
  remove(block: string): void {
    if (this.trouble !== null) throw this.trouble;
    this.log.push(`remove ${block}`);
    this.blocks.delete(block);
  }
}

function world(total = 100, keeper: BytesKeeper | null = heapBytes()) {
  const manager = new MemoryManager({ policy: unified, onHeap: region(total), offHeap: NO_REGION });
  const disk = new MapDisk();
  const store = new BlockStore({ manager, disk, keepers: [keeper, null] });
  const check = (): string[] => audit({ manager, store, tasks: [], rawStorage: [0, 0], consumersOnly: false });
  return { manager, disk, store, check };
}

const UNUSED: BytesKeeper = {
  take: () => expect.fail("nothing is taken"),
  write: () => expect.fail("nothing was taken"),
  view: () => expect.fail("nothing was taken"),
  give: () => expect.fail("nothing was taken"),
};

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const kept = (store: BlockStore): string[] => [...store.blocks(ON_HEAP)];

describe("put and read", () => {
  test("the bytes are the store's own", () => {
    const { store } = world();
    const content = bytes(10, 1);
    expect(store.put("a", content)).toBe(true);
    content.fill(9);
    expect([...store.get("a")!]).toEqual([...bytes(10, 1)]);
    const copy = store.read("a")!;
    copy.fill(5);
    expect(store.get("a")![0]).toBe(1);
    expect([store.get("b"), store.getSize("b"), store.read("b"), store.has("b")]).toEqual([null, null, null, false]);
  });

  test("a name that is in memory is refused, and stays", () => {
    const { store, check } = world();
    store.put("a", bytes(10, 1));
    expect(() => store.put("a", bytes(20, 2))).toThrow(BlockExists);
    expect(() => store.putAccount("a", 20)).toThrow("block a is in memory already");
    expect([store.getSize("a"), store.size, store.used(ON_HEAP)]).toEqual([10, 1, 10]);
    expect(check()).toEqual([]);
  });

  test("evicted to disk, it is read from there; gone, it is gone", () => {
    const { store, disk, check } = world();
    store.put("kept", bytes(50, 1), ON_HEAP, "disk");
    store.put("lost", bytes(50, 2));
    store.put("big", bytes(100, 3));
    expect(kept(store)).toEqual(["big"]);
    expect([...store.read("kept")!]).toEqual([...bytes(50, 1)]);
    expect([store.get("kept"), store.read("lost")]).toEqual([null, null]);
    expect(disk.log).toEqual(["write kept"]);
    expect([store.remove("kept"), store.remove("kept"), store.remove("lost")]).toEqual([true, false, false]);
    expect(store.read("kept")).toBeNull();
    expect(check()).toEqual([]);
  });

  test("put again under a name that is on disk, the new bytes count", () => {
    const { store, check } = world();
    store.put("a", bytes(60, 1), ON_HEAP, "disk");
    store.put("b", bytes(60, 2));
    expect(store.put("a", bytes(60, 3), ON_HEAP, "disk")).toBe(true);
    store.put("c", bytes(60, 4));
    expect(kept(store)).toEqual(["c"]);
    expect(store.read("a")![0]).toBe(3);
    expect(check()).toEqual([]);
  });

  test("a disk that fails to forget the old copy leaves nothing half put", () => {
    const { store, disk, check } = world();
    store.put("a", bytes(60, 1), ON_HEAP, "disk");
    store.put("b", bytes(60, 2));
    disk.trouble = new Error("the disk");
    expect(() => store.put("a", bytes(30, 3))).toThrow("the disk");
    expect(kept(store)).toEqual(["b"]);
    expect(store.read("a")![0]).toBe(1);
    expect(check()).toEqual([]);
  });

  test.each([
    ["has run out", () => NO_PLACE],
    [
      "fails",
      () => {
        throw new Error("broken");
      },
    ],
  ])("memory that %s keeps no bytes charged", (what, take) => {
    const { store, manager, check } = world(100, { ...UNUSED, take });
    if (what === "fails") expect(() => store.put("a", bytes(10, 1))).toThrow("broken");
    else expect(store.put("a", bytes(10, 1))).toBe(false);
    expect([store.has("a"), manager.storageUsed]).toEqual([false, 0]);
    expect(check()).toEqual([]);
  });

  test("a block that is to go to disk needs one", () => {
    const manager = new MemoryManager({ policy: unified, onHeap: region(100), offHeap: NO_REGION });
    const store = new BlockStore({ manager, keepers: [heapBytes(), null] });
    expect(() => store.put("a", bytes(10, 1), ON_HEAP, "disk")).toThrow(BlockMisuse);
    expect([store.size, manager.storageUsed]).toEqual([0, 0]);
    expect(store.putAccount("a", 10, ON_HEAP, "disk")).toBe(true);
  });

  test("an empty block is a block", () => {
    const { store, check } = world();
    expect(store.put("e", bytes(0, 0))).toBe(true);
    expect([store.get("e")!.length, store.getSize("e"), store.has("e"), store.size]).toEqual([0, 0, true, 1]);
    expect(store.remove("e")).toBe(true);
    expect(check()).toEqual([]);
  });

  test("an account keeps no bytes", () => {
    const { store, disk } = world();
    store.putAccount("a", 60, ON_HEAP, "disk");
    expect([store.get("a")!.length, store.getSize("a")]).toEqual([0, 60]);
    store.putAccount("b", 60);
    expect([kept(store), disk.log]).toEqual([["b"], []]);
  });
});

describe("locks", () => {
  test("count, and keep a block from eviction and removal", () => {
    const { store, check } = world();
    store.put("a", bytes(60, 1));
    store.pin("a");
    store.pin("a");
    expect(() => store.remove("a")).toThrow(BlockMisuse);
    expect(store.put("b", bytes(60, 2))).toBe(false);
    store.unpin("a");
    expect(store.put("b", bytes(60, 2))).toBe(false);
    store.unpin("a");
    expect(() => store.unpin("a")).toThrow("block a is not pinned");
    expect(store.put("b", bytes(60, 2))).toBe(true);
    for (const ask of [() => store.pin("a"), () => store.unpin("a")]) expect(ask).toThrow(BlockMisuse);
    expect(check()).toEqual([]);
  });

  test("clear drops whatever is pinned, and unroll reservations", () => {
    const { store, manager, check } = world();
    store.put("a", bytes(30, 1));
    store.pin("a");
    store.reserveUnroll("u", 20, ON_HEAP);
    store.clear();
    expect([store.size, store.used(ON_HEAP), store.unrolled(ON_HEAP), manager.storageUsed]).toEqual([0, 0, 0, 0]);
    expect(store.put("a", bytes(100, 2))).toBe(true);
    expect(store.remove("a")).toBe(true);
    expect(check()).toEqual([]);
  });
});

const three = () => {
  const made = world(90);
  for (const [i, block] of ["a", "b", "c"].entries()) made.store.put(block, bytes(30, i), ON_HEAP, "disk");
  return made;
};

describe("an eviction that is watched", () => {
  test("may put a block: it is not evicted for, and evicts nobody who leaves already", () => {
    const { store, check } = three();
    store.onEvict = (block) => {
      if (block === "a") store.put("from a", bytes(30, 7));
    };
    // a and b are to leave for 60 bytes; the observer takes 30 of them.
    expect(store.put("d", bytes(60, 9))).toBe(false);
    expect(kept(store)).toEqual(["c", "from a"]);
    expect(store.evictions).toBe(2);
    expect(check()).toEqual([]);
  });

  test("may make another eviction", () => {
    const { store, check } = three();
    const left: string[] = [];
    store.onEvict = (block) => {
      left.push(block);
      if (block === "a") store.put("big", bytes(45, 7));
    };
    // For d: a. Inside, for big: b as well, which leaves 15 of 60. That is too little for d.
    expect(store.put("d", bytes(30, 9))).toBe(false);
    expect([left, kept(store)]).toEqual([
      ["a", "b"],
      ["c", "big"],
    ]);
    expect(check()).toEqual([]);
  });

  test("may put the very block that is being put", () => {
    const { store, check } = three();
    store.onEvict = (block) => {
      if (block === "a") store.put("d", bytes(10, 7));
    };
    expect(() => store.put("d", bytes(20, 9))).toThrow(BlockExists);
    expect([store.getSize("d"), store.get("d")![0]]).toEqual([10, 7]);
    expect(check()).toEqual([]);
  });

  test("cannot pin, remove or clear what leaves", () => {
    const { store, check } = three();
    const refused: unknown[] = [];
    const refuses = (ask: () => unknown): void => {
      try {
        ask();
      } catch (error) {
        refused.push(error);
      }
    };
    store.onEvict = (block) => {
      if (block !== "a") return;
      refuses(() => store.pin("b"));
      refuses(() => store.unpin("b"));
      refuses(() => store.remove("b"));
      refuses(() => store.clear());
    };
    expect(store.put("d", bytes(60, 9))).toBe(true);
    expect(refused.map((error) => error instanceof BlockMisuse)).toEqual([true, true, true, true]);
    expect(kept(store)).toEqual(["c", "d"]);
    expect(check()).toEqual([]);
  });

  test("may fail: what left has left, the rest stays unlocked", () => {
    const { store, manager, disk, check } = three();
    store.onEvict = () => {
      throw new Error("the observer");
    };
    expect(() => store.put("d", bytes(60, 9))).toThrow("the observer");
    expect([kept(store), manager.storageUsed, store.evictions]).toEqual([["b", "c"], 60, 1]);
    expect([...disk.blocks.keys()]).toEqual(["a"]);
    expect(check()).toEqual([]);
    store.onEvict = null;
    expect(store.put("d", bytes(90, 9))).toBe(true);
    expect(kept(store)).toEqual(["d"]);
  });

  test("may fail after it has put and pinned another block in the same place", () => {
    const { store, check } = three();
    store.onEvict = () => {
      store.put("late", bytes(30, 7));
      store.pin("late");
      throw new Error("the observer");
    };
    expect(() => store.put("d", bytes(30, 9))).toThrow("the observer");
    expect(kept(store)).toEqual(["b", "c", "late"]);
    expect(() => store.remove("late")).toThrow("pinned 1 times");
    expect(check()).toEqual([]);
  });

  test("may take for storage what execution wanted", () => {
    const { store, manager, check } = three();
    // R is 45, so execution may ask for 45 of 90: a and b leave, and `again` comes once.
    store.onEvict = (block) => {
      if (block === "a") store.put("again", bytes(30, 9));
    };
    expect(manager.acquireExecution(45, 1, ON_HEAP)).toBe(30);
    expect(kept(store)).toEqual(["c", "again"]);
    expect(manager.state(ON_HEAP)).toEqual([30, 30, 60, 60]);
    expect(check()).toEqual([]);
  });
});

describe("where bytes lie", () => {
  test("buffers of large blocks are used again by size, up to a bound", () => {
    const keeper = heapBytes(100_000);
    const [a, b, c] = [keeper.take(60_000), keeper.take(60_000), keeper.take(40_000)];
    const views = new Map([a, b, c].map((place, at) => [keeper.view(place, at < 2 ? 60_000 : 40_000), "abc"[at]]));
    for (const [place, size] of [
      [a, 60_000],
      [b, 60_000],
      [c, 40_000],
    ] as const)
      keeper.give(place, size);
    // b did not fit beside a.
    const again = [60_000, 40_000, 60_000].map((size) => views.get(keeper.view(keeper.take(size), size)));
    expect(again).toEqual(["a", "c", undefined]);
  });

  test("small blocks lie side by side, and their cells are used again", () => {
    const keeper = heapBytes(0);
    const places = Array.from({ length: 64 }, () => keeper.take(1024));
    const slab = keeper.view(places[0]!, 1024).buffer;
    for (const [at, place] of places.entries()) {
      const view = keeper.view(place, 1024);
      expect([view.buffer === slab, view.byteOffset, view.length]).toEqual([true, 1024 * at, 1024]);
    }
    keeper.give(places[17]!, 1024);
    expect(keeper.take(1000)).toBe(places[17]);
    expect(keeper.view(keeper.take(1024), 1024).buffer).not.toBe(slab);
    // Nothing is spared here, so an empty slab goes.
    for (const place of places) keeper.give(place, 1024);
    expect(keeper.view(keeper.take(1024), 1024).buffer).not.toBe(slab);
  });

  test("heap memory keeps what any blocks hold apart", () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 40_000 }));
    const steps = fc.array(fc.tuple(size, fc.nat(5)), { minLength: 100, maxLength: 400 });
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 200_000), (asked, spareBytes) => {
        const keeper = heapBytes(spareBytes);
        const live: { place: number; bytes: number; mark: number }[] = [];
        const intact = ({ place, bytes: length, mark }: (typeof live)[0]): boolean => {
          const view = keeper.view(place, length);
          return view.length === length && view[0] === mark && view[length - 1] === mark;
        };
        for (const [at, [length, what]] of asked.entries()) {
          if (what > 2 && live.length > 0) {
            // Oldest first, as eviction goes, or any.
            const [gone] = live.splice(what === 3 ? 0 : length % live.length, 1);
            expect(intact(gone!)).toBe(true);
            keeper.give(gone!.place, gone!.bytes);
          } else {
            const made = { place: keeper.take(length), bytes: length, mark: at % 251 };
            keeper.write(made.place, bytes(length, made.mark), 0);
            live.push(made);
          }
        }
        expect(live.every(intact)).toBe(true);
      }),
      seeded(60),
    );
  });

  test.each([ON_HEAP, OFF_HEAP] as const)("blocks of mode %d survive a store that grows and churns", (mode: Mode) => {
    const executor = openExecutor({
      conf: {
        "spark.testing.memory": String(2 ** 23),
        "spark.testing.reservedMemory": "0",
        "spark.memory.fraction": "1",
        "spark.memory.offHeap.size": String(2 ** 23),
      },
    });
    const { store } = executor;
    const random = numbers(3);
    const expected = new Map<string, number>();
    store.onEvict = (block) => expected.delete(block);
    store.put("first", bytes(1000, 77), mode);
    store.pin("first");
    for (let i = 0; i < 400; i += 1) {
      const block = `rdd_${i % 7}_${i}`;
      if (store.put(block, bytes(1 + Math.floor(random() * 200_000), i % 251), mode)) expected.set(block, i % 251);
    }
    expect(store.evictions).toBeGreaterThan(100);
    expect(store.get("first")!.every((value) => value === 77)).toBe(true);
    for (const [block, value] of expected) {
      const found = store.get(block)!;
      expect([found.length, found.every((each) => each === value)], block).toEqual([store.getSize(block), true]);
    }
    expect(executor.check()).toEqual([]);
    store.clear();
    expect(executor.check()).toEqual([]);
  });
});

describe("block ids", () => {
  test("a partition by number and by name is one block", () => {
    const { store } = world();
    store.put(rddBlock(3, 14), bytes(10, 1));
    expect([store.has("rdd_3_14"), store.getSize("rdd_3_14"), kept(store)]).toEqual([true, 10, ["rdd_3_14"]]);
    expect(() => store.put("rdd_3_14", bytes(10, 2))).toThrow("block rdd_3_14 is in memory already");
    expect(store.remove("rdd_3_14")).toBe(true);
  });

  test.each([
    ["rdd_2_7", 2],
    ["rdd_0_0", 0],
    ["rdd_99999999_5", 99999999],
    ["rdd_2", NO_RDD],
    ["rdd_2_", NO_RDD],
    ["rdd__2", NO_RDD],
    ["rdd_2_7_1", NO_RDD],
    ["rdd_-2_7", NO_RDD],
    ["rdd_2_7 ", NO_RDD],
    ["xrdd_2_7", NO_RDD],
    ["test_2_7", NO_RDD],
    ["", NO_RDD],
  ])("%s belongs to RDD %d and keeps its name", (name, rdd) => {
    expect([rddOf(canonical(name)), blockName(canonical(name))]).toEqual([rdd, name]);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])("%d is none", (id) => {
    const { store } = world();
    expect(() => store.put(id, bytes(1, 1))).toThrow("a block is known by a name");
    expect(() => store.has(id)).toThrow("a block is known by a name");
  });

  test("the table agrees with a map, and keeps the order of use", () => {
    const id = fc.oneof(
      fc.tuple(fc.nat(3), fc.nat(40)).map(([rdd, part]): BlockId => rddBlock(rdd, part)),
      fc.nat(30).map((n): BlockId => `b${n}`),
    );
    const steps = fc.array(fc.tuple(id, fc.nat(9)), { minLength: 300, maxLength: 600 });
    fc.assert(
      fc.property(steps, (asked) => {
        const table = new LocalTable();
        const order = new Map<BlockId, Mode>();
        for (const [block, what] of asked) {
          const slot = table.find(block);
          expect(slot !== NONE).toBe(order.has(block));
          if (slot === NONE) {
            const mode = (what % 2) as Mode;
            expect(table.idAt(table.insert(block, what, mode))).toBe(block);
            order.set(block, mode);
          } else if (what < 5) {
            table.remove(slot);
            order.delete(block);
          } else {
            table.touch(slot);
            const mode = order.get(block)!;
            order.delete(block);
            order.set(block, mode);
          }
        }
        expect(table.size).toBe(order.size);
        for (const mode of [ON_HEAP, OFF_HEAP] as const) {
          const found: BlockId[] = [];
          for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot)) found.push(table.idAt(slot));
          expect(found).toEqual([...order].filter(([, each]) => each === mode).map(([block]) => block));
        }
      }),
      seeded(60),
    );
  });
});
