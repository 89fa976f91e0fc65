// What a page costs through the task memory manager: taken and given back at once, untouched, or with one byte written in
// every 4 KiB, which is what makes memory real.

import { atLeast, type Bench, type Case, looped, NS_PER_PAIR, parameter, type Settings } from "./harness.js";
import { fold } from "./hash.js";
import { executorOf, modeText, modeWord } from "./manager.js";
import { spark } from "./spark.js";
import { Consumer } from "../src/execution/consumer.js";
import type { TaskMemoryManager } from "../src/execution/task.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TOUCH_BYTES = 4096;

export const page: Bench = {
  name: "page",
  about:
    "allocatePage + freePage of one page at a time, 1 GiB region. `touched`: one byte written in every 4 KiB, the last one read " +
    "back. Off-heap is the arena against Unsafe; on-heap both sides keep freed buffers. Read off-heap 64 MiB beside 16 MiB: the C " +
    "library maps pages above 32 MiB anew each time, ours stay mapped.",
  bound:
    "untouched, the two acquires and releases of the task memory manager, a place in the page table, and one object " +
    "a page. Spark is faster here than the goal assumes (700 ns). Touched, both sides write as fast as the memory " +
    "takes it.",
  cases: (settings) =>
    ([OFF_HEAP, ON_HEAP] as const).flatMap((mode) =>
      [true, false].flatMap((touch) =>
        parameter(settings, [1, 4], [64, 16, 4, 1]).map((mib) => pairs(settings, mode, mib, touch)),
      ),
    ),
};

class Holder extends Consumer {
  spill(): number {
    return 0;
  }
}

function pairs(settings: Settings, mode: Mode, mib: number, touch: boolean): Case {
  const bytes = mib * MIB;
  // A block touches 256 MiB, so that its length does not depend on the size of the page.
  const ops = parameter(settings, 3, touch ? 256 / mib : 1000);
  return {
    name: `${modeText(mode)}, ${mib} MiB${touch ? ", touched" : ""}`,
    unit: NS_PER_PAIR,
    goal: () => atLeast(touch ? (mode === OFF_HEAP && mib === 64 ? 50 : 1) : 10),
    ours() {
      const task = executorOf(mode, GIB).task(0);
      const consumer = new Holder(task);
      const block = touch ? touched : untouched;
      return looped(settings, ops, () => block(task, consumer, bytes, ops));
    },
    peers: spark(settings, "page", { mode: modeWord(mode), bytes, touch, ops }),
  };
}

function untouched(task: TaskMemoryManager, consumer: Consumer, bytes: number, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    const taken = task.allocatePage(bytes, consumer)!;
    hash = fold(hash, taken.bytes + taken.number);
    task.freePage(taken, consumer);
  }
  return hash;
}

function touched(task: TaskMemoryManager, consumer: Consumer, bytes: number, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    const taken = task.allocatePage(bytes, consumer)!;
    const { u8 } = taken.views;
    const end = taken.base + taken.bytes;
    for (let at = taken.base; at < end; at += TOUCH_BYTES) u8[at] = i;
    hash = fold(hash, taken.bytes + ((u8[end - TOUCH_BYTES]! << 24) >> 24));
    task.freePage(taken, consumer);
  }
  return hash;
}
