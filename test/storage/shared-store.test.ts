// The block store over a shared table: what one worker asks has the answers of the local store, to the byte and to the order
// of use; and what belongs to sharing alone: limits of the table, whose a lock is, a disk for all, and what the dead leave.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryManager } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { WORD_LOCK } from "../../src/memory/accounts-map.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { MemoryBusy } from "../../src/memory/wait.js";
import { unified } from "../../src/policy/unified.js";
import { type BlockId, rddBlock } from "../../src/storage/block.js";
import { BlockManager } from "../../src/storage/block-manager.js";
import { heapBytes } from "../../src/storage/bytes.js";
import { MemoryDisk } from "../../src/storage/disk.js";
import { NameTooLong, SharedTable, TableError } from "../../src/storage/shared-table.js";
import { BlockExists, BlockMisuse, BlockStore, DeserializedRefused, TooManyBlocks } from "../../src/storage/store.js";
import { LEAVING, NONE } from "../../src/storage/table.js";
import { putRecords, putValues } from "../../src/storage/unroll.js";
import { region } from "../memory/doubles.js";
import { seeded } from "../help/seed.js";
import { bury, dies } from "./mortal.js";
import { attached, RULES, type SharedWorker, sharedWorld } from "./shared-world.js";
import { arrays } from "./world.js";

const REGIONS = { onHeap: region(300), offHeap: region(200) };
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const kept = (store: BlockStore): string[] => [...store.blocks(ON_HEAP)];

/** The same regions on a store of this thread alone. */
function localWorld(disk: MemoryDisk) {
  const manager = new MemoryManager({ policy: unified, ...REGIONS });
  return { manager, store: new BlockStore({ manager, keepers: [heapBytes(), heapBytes()], disk, rules: RULES }) };
}

const NAMES: readonly BlockId[] = [
  ...[0, 1, 2].flatMap((rdd) => [0, 1, 2].map((partition) => rddBlock(rdd, partition))),
  "a",
  "b",
  "c",
  "d",
  "e",
  "f",
  "g",
  "rdd_-1_2",
  "\ud800 alone",
];

type Step = readonly [what: number, block: BlockId, bytes: number, mode: Mode];

const anyStep: fc.Arbitrary<Step> = fc.tuple(
  fc.nat(15),
  fc.constantFrom(...NAMES),
  fc.nat(90),
  fc.constantFrom<Mode>(ON_HEAP, ON_HEAP, OFF_HEAP),
);

/** One request, and what it answers; what it throws is an answer too. */
function ask(manager: MemoryManager, store: BlockStore, [what, block, size, mode]: Step): unknown {
  const task = 1 + (size % 3);
  try {
    switch (what) {
      case 0:
      case 1:
      case 2:
        return store.put(block, bytes(size, size), mode, "gone");
      case 3:
        return store.put(block, bytes(size, size), mode, "disk");
      case 4:
        return store.putAccount(block, size, mode);
      case 5:
      case 6:
        return [...(store.read(block) ?? [-1])];
      case 7:
        return store.getSize(block);
      case 8:
        return store.pin(block);
      case 9:
        return store.unpin(block);
      case 10:
        return store.remove(block);
      case 11: {
        const granted = manager.acquireExecution(size + 1, task, mode);
        if (granted < 0) manager.giveUpExecution();
        return granted;
      }
      case 12:
        return manager.releaseExecution(size, task, mode);
      case 13:
        return store.reserveUnroll(block, size, mode, task);
      case 14:
        return size < 80 ? store.releaseUnroll(size, mode, task) : store.endTask(task);
      default: {
        if (size > 85) return store.clear();
        const left = putRecords(store, block, [bytes(size, 1)], arrays, mode, { task });
        left?.discard();
        return left === null;
      }
    }
  } catch (error) {
    return (error as Error).message;
  }
}

function everything(manager: MemoryManager, store: BlockStore) {
  return ([ON_HEAP, OFF_HEAP] as const).map((mode) => {
    const blocks: unknown[] = [];
    store.forEachBlock(mode, (...block) => blocks.push(block));
    return [manager.state(mode), store.used(mode), store.unrolled(mode), blocks];
  });
}

describe("one worker", () => {
  test.each(["nobody", "an observer that puts and reads"])(
    "is answered as a store of its own, watched by %s",
    (who) => {
      fc.assert(
        fc.property(fc.array(anyStep, { minLength: 40, maxLength: 120 }), (steps) => {
          const disks = [new MemoryDisk(), new MemoryDisk()] as const;
          const local = localWorld(disks[0]);
          const shared = sharedWorld({ ...REGIONS, disk: disks[1] });
          const seen: [unknown[], unknown[]] = [[], []];
          for (const [at, { manager, store }] of [local, shared].entries()) {
            if (who === "nobody") continue;
            store.onEvict = (block, size, mode, to) => {
              seen[at]!.push([block, size, mode, to]);
              if (seen[at]!.length % 3 === 0) seen[at]!.push(ask(manager, store, [0, "late", 10, mode]));
              seen[at]!.push(ask(manager, store, [5, block, 0, mode]));
            };
          }
          for (const [at, each] of steps.entries()) {
            const answers = [local, shared].map(({ manager, store }) => ask(manager, store, each));
            expect(answers[1], `step ${at}: ${each.join(" ")}`).toEqual(answers[0]);
            expect(everything(shared.manager, shared.store), `after step ${at}`).toEqual(
              everything(local.manager, local.store),
            );
          }
          expect(seen[1]).toEqual(seen[0]);
          expect(shared.store.evictions).toBe(local.store.evictions);
          const unroll = ([ON_HEAP, OFF_HEAP] as const).map((mode) => shared.store.unrolled(mode));
          if (unroll[0] === 0 && unroll[1] === 0) expect(shared.check()).toEqual([]);
        }),
        seeded(60),
      );
    },
  );

  test("a thousand blocks leave in one decision", () => {
    const onHeap = { total: 1000, protectedStorage: 0, execution: 1000, storage: 0 };
    const world = sharedWorld({ onHeap, offHeap: region(0), blocks: 1000, cells: 1000, cellBytes: 1 });
    for (let i = 0; i < 1000; i += 1) expect(world.store.put(rddBlock(i, 0), bytes(1, i))).toBe(true);
    expect(world.manager.acquireExecution(1000, 1, ON_HEAP)).toBe(1000);
    expect([world.store.size, world.store.evictions, world.cells.live().length]).toEqual([0, 1000, 0]);
    expect(world.check()).toEqual([]);
  });

  test("what keeps no bytes on its disk loses none: many, and then a full memory", () => {
    const world = sharedWorld({ ...REGIONS, cells: 2 });
    expect(["a", "b", "c"].map((block) => world.store.put(block, bytes(10, 1)))).toEqual([true, true, false]);
    expect([kept(world.store), world.manager.storageUsed]).toEqual([["a", "b"], 20]);
    expect(world.check()).toEqual([]);
  });
});

describe("a shared table", () => {
  const world = (blocks = 3): SharedWorker => sharedWorld({ ...REGIONS, blocks });

  test("has room for so many blocks, and for another when one had to leave for it", () => {
    const { store, manager, check } = world();
    for (const block of ["a", "b", "c"]) store.put(block, bytes(100, 1));
    expect(() => store.put("d", bytes(0, 1))).toThrow(TooManyBlocks);
    expect(() => putRecords(store, "d", [], arrays, OFF_HEAP)).toThrow("one too many: the shared table was made for 3");
    expect([kept(store), manager.storageUsed, store.unrolled(OFF_HEAP)]).toEqual([["a", "b", "c"], 300, 0]);
    expect(store.put("d", bytes(50, 1))).toBe(true);
    expect(kept(store)).toEqual(["b", "c", "d"]);
    expect(check()).toEqual([]);
  });

  test("knows names of up to 128 characters", () => {
    const { store, check } = world();
    const longest = "x".repeat(128);
    expect(store.put(longest, bytes(10, 1))).toBe(true);
    expect(store.has("x".repeat(127))).toBe(false);
    expect(kept(store)).toEqual([longest]);
    for (const use of [() => store.put(`${longest}y`, bytes(1, 1)), () => store.has(`${longest}y`)])
      expect(use).toThrow(NameTooLong);
    expect(check()).toEqual([]);
  });

  test("holds no values, and is no block manager's", () => {
    const { store, check } = world();
    expect(() => putValues(store, "a", [1], ON_HEAP)).toThrow(DeserializedRefused);
    expect(() => store.putUnrolledValues("a", [1], 10, { mode: ON_HEAP, task: 1, bytes: 10 })).toThrow(
      DeserializedRefused,
    );
    expect(() => new BlockManager({ store, disk: new MemoryDisk(), codec: arrays })).toThrow(BlockMisuse);
    expect(check()).toEqual([]);
  });

  test("is made and attached to, and what is none is refused", () => {
    const needed = SharedTable.bytesFor(10);
    expect(needed % 64).toBe(0);
    for (const blocks of [0, 1.5, 2 ** 22 + 1]) expect(() => SharedTable.bytesFor(blocks)).toThrow(TableError);
    const none = SharedLedger.create();
    expect(() => SharedTable.attach(none)).toThrow("holds no table");
    expect(() => SharedTable.create(none, 10)).toThrow(`takes ${needed} bytes, the annex has 0`);
    const ledger = SharedLedger.create({ annexBytes: needed });
    expect(() => SharedTable.attach(ledger)).toThrow("holds no table");
    SharedTable.create(ledger, 10);
    expect(SharedTable.attach(ledger).size).toBe(0);
    const head = ledger.annexAt / 4;
    ledger.u32[head + 2] = 11;
    expect(() => SharedTable.attach(ledger)).toThrow("a table of 11 blocks takes");
    ledger.u32[head + 1] = 9;
    expect(() => SharedTable.attach(ledger)).toThrow("of version 9, this is version 1");
  });
});

describe("two workers", () => {
  function two(disk: boolean = false) {
    const disks = disk ? new MemoryDisk() : null;
    const a = sharedWorld({ ...REGIONS, disk: disks });
    return { a, b: attached(a, { ...REGIONS, disk: disks }), disk: disks };
  }

  test("see, read, pin, remove and evict each other's blocks", () => {
    const { a, b } = two();
    a.store.put("a", bytes(100, 1));
    b.store.put("b", bytes(100, 2));
    expect([kept(a.store), kept(b.store)]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(b.store.read("a")).toEqual(bytes(100, 1));
    expect(() => a.store.put("b", bytes(1, 1))).toThrow(BlockExists);
    b.store.pin("a");
    expect(() => a.store.remove("a")).toThrow("pinned 1 times");
    expect(() => a.store.unpin("a")).toThrow("block a is not pinned");
    expect(() => a.store.clear()).toThrow("pinned by another worker");
    // 100 are free, a is pinned: b leaves.
    expect(a.store.put("c", bytes(200, 3))).toBe(true);
    expect(kept(b.store)).toEqual(["a", "c"]);
    b.store.unpin("a");
    expect([b.store.remove("c"), a.store.remove("c")]).toEqual([true, false]);
    b.store.clear();
    expect([a.store.size, a.manager.storageUsed]).toEqual([0, 0]);
    for (const each of [a, b]) expect(each.check()).toEqual([]);
  });

  test("look at bytes that they have pinned", () => {
    const { a, b } = two();
    a.store.put("a", bytes(10, 1));
    expect(() => b.store.get("a")).toThrow("not pinned");
    b.store.pin("a");
    expect(b.store.get("a")).toEqual(bytes(10, 1));
    expect(() => a.store.get("a")).toThrow(BlockMisuse);
    b.store.unpin("a");
    expect(a.check()).toEqual([]);
  });

  test("pin a block 65535 times each, and not more", () => {
    const { a, b } = two();
    a.store.put("a", bytes(10, 1));
    for (let i = 0; i < 65_535; i += 1) a.store.pin("a");
    expect(() => a.store.pin("a")).toThrow("at most 65535 times");
    b.store.pin("a");
    b.store.unpin("a");
    expect(a.check()).toEqual([]);
  });

  test("have one disk or none", () => {
    const { a } = two(true);
    expect(() => attached(a, REGIONS)).toThrow("this one has none");
    const { a: without } = two();
    expect(() => attached(without, { ...REGIONS, disk: new MemoryDisk() })).toThrow("other workers have no disk");
  });

  test("write each other's blocks out, and forget what is there of an older one", () => {
    const { a, b, disk } = two(true);
    a.store.put("a", bytes(100, 1), ON_HEAP, "disk");
    expect(b.store.put("b", bytes(300, 2))).toBe(true);
    expect(disk!.read("a")).toEqual(bytes(100, 1));
    expect(b.store.read("a")).toEqual(bytes(100, 1));
    expect(b.store.put("a", bytes(50, 3), ON_HEAP, "disk")).toBe(true);
    expect(disk!.has("a")).toBe(false);
    expect([a.store.remove("a"), a.store.remove("a")]).toEqual([true, false]);
    expect(a.check()).toEqual([]);
  });

  test("count unrolling together and give it back apart", () => {
    const { a, b } = two();
    a.store.reserveUnroll("u", 100, ON_HEAP, 1);
    b.store.reserveUnroll("v", 50, ON_HEAP, 1);
    expect([a.store.unrolled(ON_HEAP), b.store.unrolledBy(1, ON_HEAP)]).toEqual([150, 50]);
    b.store.endTask(1);
    expect([a.store.unrolled(ON_HEAP), a.manager.storageUsed]).toEqual([100, 100]);
    b.store.clear();
    expect(a.store.unrolled(ON_HEAP)).toBe(100);
    a.store.clear();
    expect([a.store.unrolled(ON_HEAP), a.manager.storageUsed]).toEqual([0, 0]);
    expect(a.check()).toEqual([]);
  });

  test("of which one decides: a block that the other is putting is refused to its handler", () => {
    const { a, b } = two();
    // b has taken its place and has not copied yet.
    b.ledger.begin();
    expect(b.manager.acquireStorage("late", 10, ON_HEAP)).toBe(true);
    const slot = b.table.insert("late", 10, ON_HEAP);
    b.ledger.intoBlock(10, ON_HEAP);
    b.ledger.end();
    a.store.put("a", bytes(290, 1));
    const refused: unknown[] = [];
    a.store.onEvict = () => {
      for (const use of [() => a.store.pin("late"), () => a.store.getSize("late")]) {
        try {
          use();
        } catch (error) {
          refused.push((error as Error).message);
        }
      }
    };
    expect(a.store.put("d", bytes(290, 1))).toBe(true);
    expect(refused).toEqual(["block late is being put", "block late is being put"]);
    expect(() => a.store.clear()).toThrow("block late is being put");
    expect(a.store.has("late")).toBe(true);
    expect(() => a.store.put("late", bytes(1, 1))).toThrow(BlockExists);
    b.table.arrived(slot);
    a.store.pin("late");
    a.store.unpin("late");
  });
});

describe("while the other decides for long", () => {
  /** `a`, of little patience, and what has `b` begin to decide, and end that. */
  function hasty() {
    const a = sharedWorld({ ...REGIONS, patienceMs: 2 });
    const b = attached(a, REGIONS);
    const decides = (): void => {
      b.ledger.begin();
      expect(() => a.store.size).toThrow(MemoryBusy);
    };
    return { a, b, decides };
  }

  test("a copy is read, and keeps nothing pinned", () => {
    const { a, b, decides } = hasty();
    b.store.put("a", bytes(10, 7));
    const view = a.cells.view.bind(a.cells);
    a.cells.view = (place, length) => {
      decides();
      return view(place, length);
    };
    expect(a.store.read("a")).toEqual(bytes(10, 7));
    expect(b.table.pins(b.table.find("a"))).toBe(1);
    b.ledger.end();
    expect(a.store.has("a")).toBe(true);
    expect(b.store.remove("a")).toBe(true);
    expect(a.check()).toEqual([]);
  });

  test("a copy that fails keeps nothing pinned", () => {
    const { a } = hasty();
    a.store.put("a", bytes(10, 7));
    a.cells.view = () => {
      throw new Error("no room for a copy");
    };
    expect(() => a.store.read("a")).toThrow("no room for a copy");
    expect(a.store.remove("a")).toBe(true);
  });

  test("a put that fails has never been, and says why", async () => {
    const { a, b, decides } = hasty();
    a.cells.write = () => {
      decides();
      throw new Error("the cell is broken");
    };
    expect(() => a.store.put("a", bytes(10, 7))).toThrow("the cell is broken");
    expect(b.table.arriving).toBe(1);
    b.ledger.end();
    // Without another call of `a`.
    while (b.store.has("a")) await new Promise((resolve) => setTimeout(resolve, 1));
    expect([b.manager.storageUsed, a.cells.live(), a.check()]).toEqual([0, [], []]);
  });

  test("nothing is unpinned, removed or cleared, and is when it is tried again", () => {
    const { a, b, decides } = hasty();
    for (const block of ["a", "b"]) a.store.put(block, bytes(10, 7));
    a.store.pin("a");
    decides();
    for (const call of [() => a.store.unpin("a"), () => a.store.remove("b"), () => a.store.clear()])
      expect(call).toThrow(MemoryBusy);
    b.ledger.end();
    expect([kept(b.store), b.table.pinned]).toEqual([["a", "b"], 1]);
    a.store.unpin("a");
    expect([a.store.remove("a"), a.store.remove("b"), a.manager.storageUsed]).toEqual([true, true, 0]);
    expect(a.check()).toEqual([]);
  });

  test("what is left of an unrolling is discarded", () => {
    const { a, b, decides } = hasty();
    const left = putRecords(a.store, "u", [bytes(10, 1), bytes(2000, 2)], arrays, ON_HEAP, { task: 3 });
    expect(a.store.unrolledBy(3, ON_HEAP)).toBeGreaterThan(0);
    decides();
    left!.discard();
    expect(a.store.endTask(3)).toEqual([]);
    b.ledger.end();
    expect([a.store.unrolled(ON_HEAP), a.store.unrolledBy(3, ON_HEAP), b.manager.storageUsed]).toEqual([0, 0, 0]);
  });
});

describe("what a dead worker leaves comes back", () => {
  function dying(disk: MemoryDisk | null = null) {
    const a = sharedWorld({ ...REGIONS, disk });
    const b = attached(a, { ...REGIONS, disk });
    return { a, b, buried: () => bury(a, b.tenant) };
  }

  test("locks and reservations, and nobody else's", () => {
    const { a, b, buried } = dying();
    a.store.put("a", bytes(50, 1));
    b.store.put("b", bytes(50, 2), OFF_HEAP);
    for (const block of ["a", "a", "b"]) b.store.pin(block);
    a.store.pin("b");
    b.store.reserveUnroll("u", 30, ON_HEAP, 7);
    a.store.reserveUnroll("v", 20, ON_HEAP, 7);
    expect(buried()).toEqual({ execution: 0, storage: 30 });
    expect([a.store.unrolled(ON_HEAP), a.manager.storageUsed]).toEqual([20, 120]);
    expect(a.store.remove("a")).toBe(true);
    expect(() => a.store.remove("b")).toThrow("pinned 1 times");
    a.store.unpin("b");
    a.store.endTask(7);
    expect(a.store.read("b")).toEqual(bytes(50, 2));
    expect(a.check()).toEqual([]);
  });

  test("when nobody living decides, even where it died with the lock", () => {
    const { a, b, buried } = dying();
    const c = attached(a, REGIONS);
    for (const block of ["a", "b", "c"]) a.store.put(block, bytes(100, 1));
    const leaving: number[] = [];
    c.store.onEvict = () => {
      // b takes the lock to see who decides, and takes no further step.
      a.ledger.u32[WORD_LOCK] = b.tenant.worker;
      expect(buried).toThrow(MemoryBusy);
      leaving.push(a.table.pins(a.table.find("b")));
    };
    expect(c.store.put("d", bytes(200, 1))).toBe(true);
    // Both were to leave, and the second was locked as long as it had not.
    expect([leaving[0], kept(a.store)]).toEqual([LEAVING, ["c", "d"]]);
    buried();
    expect(a.check()).toEqual([]);
  });

  test("a block that it was putting, with its bytes", () => {
    const { a, b, buried } = dying();
    b.store.put("a", bytes(10, 1));
    b.ledger.begin();
    b.manager.acquireStorage("half", 20, ON_HEAP);
    const place = b.cells.take(20);
    b.table.insert("half", 20, ON_HEAP, place);
    b.ledger.intoBlock(20, ON_HEAP);
    b.ledger.end();
    // Taken for another that is in no table.
    b.cells.take(20);
    expect([a.store.has("half"), a.table.arriving]).toEqual([true, 1]);
    buried();
    expect([kept(a.store), a.manager.storageUsed, a.table.arriving, a.cells.live().length]).toEqual([["a"], 10, 0, 1]);
    expect(a.check()).toEqual([]);
  });

  test("the marks of its eviction", () => {
    const { a, b, buried } = dying(new MemoryDisk());
    for (const block of ["a", "b", "c"]) a.store.put(block, bytes(100, 1), ON_HEAP, "disk");
    b.store.onEvict = () => dies(b, 1, () => {});
    // The first has left, the second was to follow; then no further step.
    expect(() => b.store.put("d", bytes(200, 1))).toThrow();
    expect(a.table.pins(a.table.find("b"))).toBe(LEAVING);
    buried();
    expect([kept(a.store), a.manager.storageUsed]).toEqual([["b", "c"], 200]);
    expect(a.check()).toEqual([]);
    expect(a.store.put("d", bytes(300, 1))).toBe(true);
  });

  test("at every step that it takes", () => {
    let died = true;
    for (let step = 1; died; step += 1) {
      const { a, b, buried } = dying();
      for (const [i, block] of ["a", "b", "c", "d"].entries())
        (i % 2 === 0 ? a : b).store.put(block, bytes(60, i), ON_HEAP);
      a.store.pin("d");
      b.store.pin("c");
      died = dies(b, step, () => {
        b.store.getSize("a");
        b.store.put("e", bytes(90, 4), ON_HEAP);
        b.store.put("f", bytes(90, 5), OFF_HEAP);
        b.store.pin("e");
        b.store.read("d");
        b.store.remove("f");
        b.store.unpin("c");
        b.store.reserveUnroll("u", 60, ON_HEAP, 1);
        b.store.releaseUnroll(40, ON_HEAP, 1);
        putRecords(b.store, "g", [bytes(20, 6)], arrays, OFF_HEAP, { task: 2 });
      });
      buried();
      expect(a.check(), `after step ${step}`).toEqual([]);
      expect([a.table.arriving, a.table.pinned, a.store.unrolled(ON_HEAP)]).toEqual([0, 1, 0]);
      expect(a.store.read("d")).toEqual(bytes(60, 3));
      for (const block of ["e", "f"])
        if (a.store.has(block)) expect(a.store.read(block)).toEqual(bytes(90, block === "e" ? 4 : 5));
      a.store.unpin("d");
      a.store.clear();
      expect([a.manager.storageUsed, a.cells.live(), a.table.pinned, a.table.size]).toEqual([0, [], 0, 0]);
      for (const mode of [ON_HEAP, OFF_HEAP] as const) expect(a.table.oldest(mode)).toBe(NONE);
      if (!died) expect(step).toBeGreaterThan(200);
    }
  });
});
