// Observers of a manager over shared accounts: told in order when the decision is over, with nothing of it held back.

import { describe, expect, test } from "vitest";
import { WORD_DECIDING, WORD_LOCK } from "../../src/memory/accounts-map.js";
import { type ManagerObserver, MemoryManager } from "../../src/memory/manager.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { region } from "../memory/doubles.js";

const REGIONS = { policy: unified, onHeap: region(1000), offHeap: region(0) };

/** Two workers in one thread. */
function two(): [SharedLedger, MemoryManager, MemoryManager] {
  const ledger = SharedLedger.create({ slots: 16 });
  const manager = new MemoryManager({ ...REGIONS, ledger });
  const other = SharedLedger.attach(ledger.memory, { patienceMs: 0 });
  return [ledger, manager, new MemoryManager({ ...REGIONS, ledger: other, attached: true })];
}

function telling(told: unknown[], also: () => void = () => {}): ManagerObserver {
  const tell = (...fact: unknown[]): void => {
    told.push(fact);
    also();
  };
  return {
    boundaryMoved: (bytes) => tell("moved", bytes),
    shortGrant: (asked, granted, task) => tell("short", asked, granted, task),
    mustWait: (bytes, task) => tell("waits", bytes, task),
  };
}

/** Requests that move the boundary both ways, fall short and wait. */
function live(manager: MemoryManager): unknown[] {
  return [
    manager.acquireExecution(800, 1, ON_HEAP),
    manager.acquireStorage("a", 150, ON_HEAP),
    manager.acquireExecution(100, 1, ON_HEAP),
    manager.acquireExecution(200, 2, ON_HEAP),
    manager.releaseExecution(300, 1, ON_HEAP),
    manager.retryExecution(200, 2, ON_HEAP),
    manager.acquireStorage("b", 120, ON_HEAP),
  ];
}

describe("observers of shared accounts", () => {
  test("hear what those of one thread hear, in the same order", () => {
    const [, shared] = two();
    const local = new MemoryManager(REGIONS);
    const heard: [unknown[], unknown[]] = [[], []];
    const answers = [local, shared].map((manager, i) => {
      manager.observer = telling(heard[i]!);
      return live(manager);
    });
    expect(answers[1]).toEqual(answers[0]);
    expect(heard[1]).toEqual(heard[0]);
    expect(new Set(heard[0].map((fact) => (fact as string[])[0]))).toEqual(new Set(["moved", "short", "waits"]));
  });

  test("are told after the lock: nobody is deciding, others can", () => {
    const [ledger, manager, other] = two();
    const seen: unknown[] = [];
    manager.observer = telling([], () =>
      seen.push([ledger.u32[WORD_LOCK], ledger.u32[WORD_DECIDING], other.releaseExecution(0, 99, ON_HEAP)]),
    );
    live(manager);
    expect(seen.length).toBeGreaterThan(4);
    expect(seen).toEqual(seen.map(() => [0, 0, 0]));
  });

  test("see what was decided as done, and the watcher comes first", () => {
    const [, manager] = two();
    const seen: unknown[] = [];
    manager.watcher = { shortGrant: () => seen.push(["watcher", manager.executionHeld(1, ON_HEAP)]) };
    manager.observer = { shortGrant: () => seen.push(["observer", manager.executionHeld(1, ON_HEAP)]) };
    manager.acquireExecution(900, 1, ON_HEAP);
    expect(manager.acquireExecution(500, 1, ON_HEAP)).toBe(100);
    expect(seen).toEqual([
      ["watcher", 1000],
      ["observer", 1000],
    ]);
  });

  test("hear of a decision that others are part of when all of it is over", () => {
    const [ledger, manager] = two();
    const told: unknown[] = [];
    manager.observer = telling(told);
    ledger.alone(() => {
      manager.acquireExecution(900, 1, ON_HEAP);
      ledger.outside(() => manager.acquireExecution(500, 1, ON_HEAP));
      expect(told).toEqual([]);
    });
    expect(told).toEqual([
      ["moved", 400],
      ["moved", 100],
      ["short", 500, 100, 1],
    ]);
  });

  test("may ask the manager, also for what must wait: that is heard after it, and no wake-up is missed", () => {
    const [ledger, manager, other] = two();
    const told: unknown[] = [];
    manager.observer = telling(told, () => {
      if (told.length > 1) return;
      // A wake-up, and one more wait in a later epoch.
      other.releaseExecution(0, 1, ON_HEAP);
      expect(manager.acquireExecution(300, 3, ON_HEAP)).toBe(MUST_WAIT);
      expect(told.length).toBe(1);
    });
    manager.acquireExecution(500, 1, ON_HEAP);
    other.acquireExecution(500, 4, ON_HEAP);
    told.length = 0;
    const epoch = ledger.epoch;
    expect(manager.acquireExecution(200, 2, ON_HEAP)).toBe(MUST_WAIT);
    expect(told).toEqual([
      ["waits", 200, 2],
      ["waits", 300, 3],
    ]);
    expect(ledger.epoch).toBeGreaterThan(epoch);
    expect(ledger.sleep(manager.waitEpoch, 0)).toBe(true);
  });

  test("that fail end no request: the host hears of it", async () => {
    const [, manager] = two();
    const errors: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => errors.push(error.message));
    try {
      const told: unknown[] = [];
      manager.observer = telling(told, () => {
        throw new Error(`the observer, ${told.length}`);
      });
      expect(manager.acquireExecution(900, 1, ON_HEAP)).toBe(900);
      expect(manager.acquireExecution(500, 1, ON_HEAP)).toBe(100);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(told).toHaveLength(3);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    expect(errors).toEqual(["the observer, 1", "the observer, 2", "the observer, 3"]);
    expect(manager.executionUsed).toBe(1000);
  });
});
