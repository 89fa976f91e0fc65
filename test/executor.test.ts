// The front door: options that contradict each other or mean nothing are refused by name, before anything is made.

import { expect, test } from "vitest";
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
