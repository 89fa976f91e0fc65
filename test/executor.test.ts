// The front door: options that contradict each other or mean nothing are refused by name, before anything is made.

import { expect, test } from "vitest";
import { Consumer } from "../src/execution/consumer.js";
import { type ExecutorOptions, openExecutor } from "../src/executor.js";
import { Refusal } from "../src/fault.js";

const pageBytes = (options: ExecutorOptions): number => openExecutor(options).numbers.pageBytes;

test("cores come from the option, then from spark.executor.cores, and are 1 otherwise", () => {
  const conf = { "spark.executor.memory": "1g" };
  const four = { ...conf, "spark.executor.cores": "4" };
  expect(pageBytes({ conf })).toBe(16_777_200);
  expect(pageBytes({ conf: four })).toBe(4_194_288);
  expect(pageBytes({ conf, cores: 4 })).toBe(4_194_288);
  expect(pageBytes({ conf: four, cores: 1 })).toBe(16_777_200);
});

test.each([
  [{ cores: 1.5 }, "cores: 1.5"],
  [{ cores: 0 }, "cores: 0"],
  [{ collector: "Z" as "G1" }, 'collector: "Z" is none of G1'],
  [{ pages: "none" as "real" }, 'pages: "none" is none of real, accounts'],
  [{ generation: "9.9" }, "Spark 9.9"],
  [{ generation: "2.3" }, "Spark 2.3"],
  [{ generation: "new" }, '"new" is not a Spark version'],
])("%j is refused by name", (options, why) => {
  expect(() => openExecutor(options)).toThrow(Refusal);
  expect(() => openExecutor(options)).toThrow(why);
});

test.each(["false", "true"])("debug pages: a write past the end is told with the owner (off-heap %s)", (offHeap) => {
  const conf = {
    "spark.testing.memory": String(4 * 2 ** 20),
    "spark.testing.reservedMemory": "0",
    "spark.memory.offHeap.enabled": offHeap,
    "spark.memory.offHeap.size": "1m",
    "spark.buffer.pageSize": "64k",
  };
  const executor = openExecutor({ conf, debugPages: true });
  class Careless extends Consumer {
    override spill(): number {
      return 0;
    }
  }
  const careless = new Careless(executor.task(7), { name: "careless" });
  const pages = Array.from({ length: 4 }, () => careless.allocatePage(1));
  const page = pages[2]!;
  expect(page.views.u8[page.base]).toBe(0xa5);
  page.views.u8[page.base + page.bytes] = 1;
  expect(() => careless.freePage(page)).toThrow(
    expect.objectContaining({ fault: "write past the end", owner: "careless of task 7" }),
  );
  // All of the budget can be had as pages, zones and all.
  for (;;) if (executor.task(7).acquireExecutionMemory(65_536, careless) < 65_536) break;
  expect(executor.check()).toEqual([]);
});
