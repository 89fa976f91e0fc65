// The contract of a consumer, by one that somebody might write: fifteen lines, on pages with memory behind them, both modes.

import { describe, expect, test } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { TaskOutOfMemory } from "../../src/execution/refusal.js";
import { openExecutor } from "../../src/executor.js";
import type { Page } from "../../src/memory/page.js";
import { Greedy, smallExecutor, Stubborn } from "../memory/doubles.js";

/** Keeps numbers in pages and writes them away when it is asked to. */
class Numbers extends Consumer {
  readonly written: number[][] = [];
  #page: Page | null = null;
  #count = 0;

  add(value: number): void {
    if (this.#page === null || this.#count === this.#page.bytes / 8) {
      this.spillSelf();
      this.#page = this.allocatePage(8);
    }
    this.#page.views.f64[this.#page.base / 8 + this.#count] = value;
    this.#count += 1;
  }

  override spill(): number {
    if (this.#page === null) return 0;
    const page = this.#page;
    this.written.push([...page.views.f64.subarray(page.base / 8, page.base / 8 + this.#count)]);
    this.#page = null;
    this.#count = 0;
    this.freePage(page);
    return page.bytes;
  }
}

describe.each(["false", "true"])("a consumer, off-heap %s", (enabled) => {
  test("reads back what it wrote, also when others make it spill", () => {
    const executor = openExecutor({
      conf: {
        "spark.testing.memory": "4096",
        "spark.testing.reservedMemory": "0",
        "spark.memory.fraction": "1",
        "spark.memory.offHeap.enabled": enabled,
        "spark.memory.offHeap.size": "4096",
        "spark.buffer.pageSize": "1024",
      },
    });
    const task = executor.task(1);
    const consumers = Array.from({ length: 6 }, (_, i) => new Numbers(task, { name: `c${i}` }));
    for (let value = 0; value < 300; value += 1) for (const each of consumers) each.add(value);
    for (const each of consumers) {
      each.spillSelf();
      expect(each.used).toBe(0);
      expect(each.written.flat()).toEqual(Array.from({ length: 300 }, (_, value) => value));
    }
    // Six pages of 1024 do not fit into 4096: others had to make room.
    expect(consumers.some((each) => each.written.length > 3)).toBe(true);
    expect(executor.check()).toEqual([]);
    expect(executor.endTask(1)).toEqual({ bytes: 0, report: "" });
  });
});

test("names itself by its class, and takes the task's mode and page size, unless told otherwise", () => {
  const task = smallExecutor().task(1);
  const plain = new Numbers(task);
  expect([plain.name, plain.mode, plain.pageBytes, plain.used]).toEqual(["Numbers", 0, 100, 0]);
  const told = new Numbers(task, { name: "n", mode: 1, pageBytes: 7 });
  expect([told.name, told.mode, told.pageBytes]).toEqual(["n", 1, 7]);
});

test("an array is as long as asked, whatever the page size", () => {
  const task = smallExecutor().task(1);
  const c = new Greedy(task, "c");
  const page = c.allocateArray(3);
  expect([page.bytes, c.used]).toEqual([24, 24]);
  c.freePage(page);
  expect([c.used, task.used]).toEqual([0, 0]);
  new Stubborn(task, "other").acquireMemory(990);
  expect(() => c.allocateArray(2)).toThrow(TaskOutOfMemory);
  expect([c.used, task.used]).toEqual([0, 990]);
});

test("what its own spill frees inside an acquire is counted once", () => {
  const task = smallExecutor().task(1);
  const c = new Greedy(task, "c");
  c.acquireMemory(900);
  // Appendix B, 1: the spill changes `used` before the grant is added.
  expect(c.acquireMemory(500)).toBe(500);
  expect([c.used, c.spilled, task.used, c.enrolled]).toEqual([500, 900, 500, true]);
});

test("it joins the task's consumers with its first acquire, also when that gets nothing", () => {
  const executor = smallExecutor();
  const task = executor.task(1);
  const first = new Stubborn(task, "first");
  first.acquireMemory(1000);
  const late = new Greedy(task, "late");
  expect([...task.consumers]).toEqual([first]);
  expect(late.acquireMemory(10)).toBe(0);
  expect([...task.consumers]).toEqual([first, late]);
  expect(late.asked).toEqual([]);
});
