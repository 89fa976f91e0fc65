// The same pair one floor up: a consumer asks its task memory manager, which asks the manager. How many consumers the task has
// should not matter while nobody has to spill.

import { atLeast, type Bench, type Case, looped, NS_PER_PAIR, parameter, type Settings } from "./harness.js";
import { fold } from "./hash.js";
import { openManager } from "./manager.js";
import { sparkOnBothHeaps } from "./spark.js";
import { Consumer } from "../src/execution/consumer.js";
import { TaskMemoryManager } from "../src/execution/task.js";
import { ON_HEAP } from "../src/memory/mode.js";
import type { PageAllocator } from "../src/memory/page.js";
import { sparkSpillOrder } from "../src/policy/victim.js";

const MIB = 2 ** 20;

export const tmm: Bench = {
  name: "tmm",
  about:
    "acquireMemory + freeMemory of 1 MiB by one consumer of a task, 2 GiB region, never short, so nothing spills. The task's N " +
    "consumers hold 1 byte each. One thread on both sides; Spark takes its locks.",
  bound:
    "the manager's pair is about half of it; the rest are the consumer's and the task's own counts, the task's " +
    "peak, and who has asked before. Spark is faster here than the goal assumes (420 to 530 ns a pair).",
  cases: (settings) => [1, 8, 64].map((consumers) => pairs(settings, consumers)),
};

/** Bytes only: a page would be a mistake here. */
const noPages: PageAllocator = {
  mode: ON_HEAP,
  allocate: () => null,
  free: () => {},
};

class Holder extends Consumer {
  spill(): number {
    return 0;
  }
}

function pairs(settings: Settings, consumers: number): Case {
  const ops = parameter(settings, 10, 1000);
  return {
    name: consumers === 1 ? "1 consumer" : `${consumers} consumers`,
    unit: NS_PER_PAIR,
    goal: () => atLeast(20),
    ours() {
      const task = new TaskMemoryManager({
        id: 0,
        manager: openManager(ON_HEAP, 2 * 2 ** 30),
        allocator: noPages,
        pageBytes: 4 * MIB,
        spillOrder: sparkSpillOrder(401),
      });
      const all = Array.from({ length: consumers }, () => new Holder(task));
      for (const each of all) each.acquireMemory(1);
      const consumer = all[consumers >> 1]!;
      return looped(settings, ops, () => {
        let hash = 0;
        for (let i = 0; i < ops; i += 1) {
          hash = fold(hash, consumer.acquireMemory(MIB));
          consumer.freeMemory(MIB);
        }
        return hash;
      });
    },
    peers: sparkOnBothHeaps(settings, "tmm", { consumers, ops }),
  };
}
