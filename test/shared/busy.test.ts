// Others decide for longer than a worker may wait. What it asks for is refused and has changed nothing; what it gives back
// comes back. Two workers in one thread: one decides for as long as a call of the other takes.

import { describe, expect, test } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { WORD_WAITERS } from "../../src/memory/accounts-map.js";
import { instantiate } from "../../src/memory/wasm.js";
import type { CrewExports } from "../../src/memory/crew.js";
import { ON_HEAP, OFF_HEAP } from "../../src/memory/mode.js";
import type { Page } from "../../src/memory/page.js";
import { MemoryBusy } from "../../src/memory/wait.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { attachExecutor, type SharedExecutor, shareExecutor, type SharedOptions } from "../../src/shared.js";
import type { SharedArenas } from "../../src/shared-arenas.js";

const MIB = 2 ** 20;

const CONF = {
  "spark.testing.memory": String(16 * MIB),
  "spark.testing.reservedMemory": "0",
  "spark.memory.fraction": "1.0",
  "spark.memory.offHeap.enabled": "true",
  "spark.memory.offHeap.size": String(16 * MIB),
  "spark.buffer.pageSize": "64k",
};

class Holder extends Consumer {
  onSpill: () => void = () => {};
  pages: Page[] = [];

  spill(): number {
    this.onSpill();
    const bytes = this.used;
    for (const page of this.pages.splice(0)) this.freePage(page);
    return bytes;
  }
}

/** A worker of little patience, and one that decides. */
function two(options: SharedOptions = {}): [SharedExecutor, SharedExecutor] {
  const a = shareExecutor({ conf: CONF, ...options }, { patienceMs: 3 });
  return [a, attachExecutor(a.place())];
}

const WAYS = ["has the lock", "is deciding outside of it"] as const;

/** Runs `call` of `a` while `b` decides, which is seen by a decision that `a` cannot make, before and after. */
function meanwhile<T>(a: SharedExecutor, b: SharedExecutor, call: () => T, way: (typeof WAYS)[number] = WAYS[0]): T {
  const sees = (): void => expect(() => a.manager.state(ON_HEAP)).toThrow(MemoryBusy);
  const decided = (): T => {
    sees();
    const answer = call();
    sees();
    return answer;
  };
  return b.ledger.alone(way === WAYS[0] ? decided : () => b.ledger.outside(decided));
}

function nothingLeft(...executors: SharedExecutor[]): void {
  for (const executor of executors) {
    expect(executor.check()).toEqual([]);
    expect([executor.manager.executionUsed, executor.manager.storageUsed, executor.ledger.waiting]).toEqual([0, 0, 0]);
    for (const mode of [ON_HEAP, OFF_HEAP] as const) expect(executor.manager.regions[mode].entries).toBe(0);
  }
}

describe.each(WAYS)("while another worker %s", (way) => {
  test("memory and pages are given back all the same", () => {
    const [a, b] = two();
    const holder = new Holder(a.task(1));
    holder.acquireMemory(1000);
    const page = holder.allocatePage(1);
    const freed = meanwhile(
      a,
      b,
      () => {
        holder.freeMemory(400);
        holder.freePage(page);
        holder.freeMemory(600);
        return holder.used;
      },
      way,
    );
    expect(freed).toBe(0);
    // The next decision pays, whatever it is about.
    expect(a.manager.executionHeld(2, ON_HEAP)).toBe(0);
    nothingLeft(b, a);
  });

  test("what was given back comes back without another call of its worker", async () => {
    const [a, b] = two();
    a.manager.acquireExecution(1000, 1, ON_HEAP);
    a.manager.acquireStorage("s", 30, OFF_HEAP);
    const releases = (): void => {
      expect(a.manager.releaseExecution(1000, 1, ON_HEAP)).toBe(1000);
      a.manager.releaseStorage(30, OFF_HEAP);
    };
    meanwhile(a, b, releases, way);
    expect([b.manager.executionUsed, b.manager.storageUsed]).toEqual([1000, 30]);
    while (b.manager.executionUsed + b.manager.storageUsed > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    nothingLeft(b, a);
  });

  test("somebody who waits for it is served", async () => {
    const [a, b] = two();
    const all = a.manager.acquireExecution(2 ** 40, 1, ON_HEAP);
    const waits = b.waits.run(b.manager.executionRequest(1000, 2, ON_HEAP));
    expect(b.ledger.waiting).toBe(1);
    meanwhile(a, b, () => a.manager.releaseExecution(all, 1, ON_HEAP), way);
    expect(await waits).toBe(1000);
    b.manager.releaseAllExecution(2);
    nothingLeft(a, b);
  });

  test("a task is not ended, and is when it is tried again", () => {
    const [a, b] = two();
    const holder = new Holder(a.task(1));
    holder.acquireMemory(1000);
    const page = holder.allocatePage(1);
    const before = a.manager.executionUsed;
    meanwhile(a, b, () => expect(() => a.endTask(1)).toThrow(MemoryBusy), way);
    expect([a.manager.executionUsed, holder.used, page.number]).toEqual([before, before, 0]);
    const { bytes, report } = a.endTask(1);
    expect([bytes, report]).toEqual([before, expect.stringContaining("Holder holds")]);
    expect(() => a.endTask(1)).toThrow("has ended");
    nothingLeft(a, b);
  });

  test("unroll memory is given back, and a wait is given up", () => {
    const [a, b] = two();
    expect(a.store.reserveUnroll("u", 1000, ON_HEAP, 7)).toBe(true);
    const all = b.manager.acquireExecution(2 ** 40, 2, OFF_HEAP);
    expect(a.manager.acquireExecution(1000, 1, OFF_HEAP)).toBe(MUST_WAIT);
    meanwhile(
      a,
      b,
      () => {
        a.store.releaseUnroll(1000, ON_HEAP, 7);
        a.manager.giveUpExecution();
      },
      way,
    );
    expect([a.store.unrolled(ON_HEAP), a.manager.storageUsed, a.ledger.waiting]).toEqual([0, 0, 0]);
    b.manager.releaseExecution(all, 2, OFF_HEAP);
    a.manager.releaseAllExecution(1);
    nothingLeft(a, b);
  });

  test("nobody leaves, and who tries again has left", () => {
    const [a, b] = two();
    const place = a.place();
    const c = attachExecutor(place, { patienceMs: 3 });
    new Holder(c.task(1)).acquireMemory(1000);
    new Holder(c.task(2)).allocatePage(1);
    meanwhile(a, b, () => expect(() => c.close()).toThrow(MemoryBusy), way);
    c.close();
    c.close();
    nothingLeft(a, b);
    expect(a.place().worker).toBe(place.worker);
  });
});

test("many debts are more than one step could undo", () => {
  const [a, b] = two({ tasks: 256 });
  for (let task = 0; task < 100; task += 1)
    for (const mode of [ON_HEAP, OFF_HEAP] as const) a.manager.acquireExecution(10, task, mode);
  meanwhile(a, b, () => {
    for (let task = 0; task < 100; task += 1)
      for (const mode of [ON_HEAP, OFF_HEAP] as const) a.manager.releaseExecution(10, task, mode);
  });
  nothingLeft(a, b);
});

test("a task that ends while others begin to decide has ended, and its slot is another's", () => {
  const [a, b] = two({ tasks: 1 });
  const holder = new Holder(a.task(1));
  holder.allocatePage(1);
  const { allocator } = a.task(1);
  const free = allocator.free.bind(allocator);
  let decides = false;
  allocator.free = (page) => {
    free(page);
    b.ledger.begin();
    decides = true;
  };
  const { bytes } = a.endTask(1);
  expect(() => a.manager.state(ON_HEAP)).toThrow(MemoryBusy);
  b.ledger.end();
  expect([bytes, decides]).toEqual([64 * 1024, true]);
  // What its end owes is paid now.
  a.manager.state(ON_HEAP);
  expect(b.manager.acquireExecution(5, 2, ON_HEAP)).toBe(5);
  b.manager.releaseExecution(5, 2, ON_HEAP);
  nothingLeft(a, b);
});

test("who acquires and is told so after a spill has got nothing", () => {
  const [a, b] = two();
  const [spills, asks] = ["spills", "asks"].map((name) => new Holder(a.task(1), { name })) as [Holder, Holder];
  const rest = 16 * MIB - 256 * 1024;
  spills.pages.push(spills.allocatePage(256 * 1024));
  asks.acquireMemory(rest - 1000);
  spills.onSpill = () => b.ledger.begin();
  // 1000 bytes are free, for the others somebody must spill.
  expect(() => asks.acquireMemory(5000)).toThrow(MemoryBusy);
  b.ledger.end();
  expect([spills.used, asks.used]).toEqual([0, rest - 1000]);
  expect(a.manager.executionHeld(1, OFF_HEAP)).toBe(rest - 1000);
  expect(a.check()).toEqual([]);
});

describe("what comes back of the dead", () => {
  test("is told as a whole by the burial that comes to its end", () => {
    const [a, b] = two();
    const place = a.place();
    const c = attachExecutor(place);
    c.manager.acquireExecution(1000, 1, ON_HEAP);
    c.manager.acquireStorage("s", 300, OFF_HEAP);
    let tries = 0;
    const failing = (): void => {
      tries += 1;
      if (tries < 3) throw new MemoryBusy(0);
      a.store.recover(place.worker);
      a.manager.refreshCeilings();
    };
    for (let i = 0; i < 2; i += 1) expect(() => a.ledger.recover(place, failing)).toThrow(MemoryBusy);
    expect(a.ledger.isTenant(place)).toBe(true);
    expect(a.ledger.recover(place, failing)).toEqual({ execution: 1000, storage: 300 });
    expect(a.ledger.recover(place, failing)).toEqual({ execution: 0, storage: 0 });
    nothingLeft(a, b);
  });

  test("is told also where others keep the accounts or the arena from the first burials", async () => {
    const [a, b] = two();
    const place = a.place();
    const c = attachExecutor(place);
    new Holder(c.task(1)).allocatePage(1);
    const { memories } = (a.allocator(OFF_HEAP) as SharedArenas).arenas[0]!;
    const other = instantiate<CrewExports>("shared", memories.map);
    expect(other.crewAttach(10)).toBe(1);
    other.crewLock();
    b.ledger.begin();
    expect(() => a.recover(place)).toThrow(MemoryBusy);
    const buried = a.bury(place);
    other.crewUnlock();
    expect(() => a.recover(place)).toThrow(MemoryBusy);
    b.ledger.end();
    expect(await buried).toEqual({ execution: 64 * 1024, storage: 0 });
    nothingLeft(a, b);
  });
});

test("what the allocator objects to keeps nobody from leaving", () => {
  const a = shareExecutor({ conf: CONF, debugPages: true });
  const place = a.place();
  const c = attachExecutor(place);
  const holder = new Holder(c.task(1));
  const page = holder.allocatePage(1);
  page.views.u8[page.base + page.bytes] = 1;
  new Holder(c.task(2)).allocatePage(1);
  expect(() => c.close()).toThrow("write past the end");
  c.close();
  nothingLeft(a);
  expect(a.place().worker).toBe(place.worker);
});

describe("a thread that must not sleep", () => {
  // As in a page.
  function inPage<T>(call: () => T): T {
    const { wait } = Atomics;
    Atomics.wait = () => {
      throw new TypeError("Atomics.wait cannot be called in this context");
    };
    try {
      return call();
    } finally {
      Atomics.wait = wait;
    }
  }

  test("has no patience, whatever it is told, with accounts and arena", () => {
    const page = inPage(() => shareExecutor({ conf: CONF }, { patienceMs: 50 }));
    const place = page.place();
    const worker = attachExecutor(place);
    expect(page.ledger.patienceMs).toBe(0);
    const holder = new Holder(page.task(1));
    const held = holder.allocatePage(1);
    meanwhile(page, worker, () => expect(() => holder.acquireMemory(2 ** 23)).toThrow(MemoryBusy));
    // The lock of the arena, taken by another.
    const { memories } = (page.allocator(OFF_HEAP) as SharedArenas).arenas[0]!;
    const other = instantiate<CrewExports>("shared", memories.map);
    expect(other.crewAttach(10)).toBe(1);
    other.crewLock();
    const before = page.manager.executionUsed;
    expect(() => holder.allocatePage(2 * MIB)).toThrow(MemoryBusy);
    expect(() => page.store.put("b", new Uint8Array(3 * MIB), OFF_HEAP)).toThrow(MemoryBusy);
    expect(() => page.recover(place)).toThrow(MemoryBusy);
    holder.freePage(held);
    other.crewUnlock();
    expect([page.manager.executionUsed, before, page.manager.storageUsed]).toEqual([0, 64 * 1024, 0]);
    expect(page.store.put("b", new Uint8Array(3 * MIB), OFF_HEAP)).toBe(true);
    expect(page.check()).toEqual([]);
  });
});

test("tasks come and go for ever in as many slots as there are at once, whoever gives their bytes back", () => {
  const [a, b] = two({ tasks: 64, pages: "accounts" });
  for (let task = 0; task < 10_000; task += 1) {
    const executor = task % 2 === 0 ? a : b;
    const holder = new Holder(executor.task(task));
    expect(holder.acquireMemory(1000)).toBe(1000);
    // In another's name: that does not tie the slot to who does it.
    if (task % 3 === 0) (task % 2 === 0 ? b : a).manager.releaseExecution(10, task, OFF_HEAP);
    executor.endTask(task, true);
  }
  expect(a.ledger.u32[WORD_WAITERS]).toBe(0);
  nothingLeft(a, b);
});
