// What the browser test runs in the page: two consumers of one task fill pages until one must spill, and every page is read
// back before it goes.

import { Consumer, openExecutor, VERSION } from "./index.js";

const PAGE_BYTES = 1 << 20;

class Stack extends Consumer {
  pages = [];
  damaged = 0;

  push(seed) {
    const page = this.allocatePage(PAGE_BYTES);
    const { u8, f64 } = page.views;
    u8.fill(seed, page.base, page.base + page.bytes);
    f64[(page.base + page.bytes) / 8 - 1] = seed;
    this.pages.push({ page, seed });
  }

  spill() {
    const freed = this.used;
    for (const { page, seed } of this.pages.splice(0)) {
      const { u8, f64 } = page.views;
      const whole = u8.subarray(page.base, page.base + page.bytes - 8).every((byte) => byte === seed);
      if (!whole || f64[(page.base + page.bytes) / 8 - 1] !== seed) this.damaged += 1;
      this.freePage(page);
    }
    return freed;
  }
}

export async function work(conf) {
  const executor = openExecutor({ conf: { ...conf, "spark.buffer.pageSize": "1m" } });
  const task = executor.task(1);
  const spills = [];
  task.onSpill = ({ consumer, trigger, freed }) => spills.push([consumer.name, trigger.name, freed / PAGE_BYTES]);
  const first = new Stack(task, { name: "first" });
  const second = new Stack(task, { name: "second" });
  for (let i = 0; i < 20; i += 1) first.push(i);
  for (let i = 0; spills.length === 0; i += 1) second.push(100 + (i % 100));
  // The whole budget for one task; another must wait until it ends.
  const other = new Stack(executor.task(2), { name: "other" });
  const waiting = executor.wait(executor.task(2), other.acquireRequest(PAGE_BYTES));
  for (const stack of [first, second]) stack.spill();
  const { report } = executor.endTask(1);
  const granted = await waiting;
  return {
    version: VERSION,
    isolated: self.crossOriginIsolated,
    sharedMemory: typeof SharedArrayBuffer,
    mode: task.mode,
    spills,
    damaged: first.damaged + second.damaged,
    granted,
    leak: report,
    lawsBroken: executor.check(),
  };
}
