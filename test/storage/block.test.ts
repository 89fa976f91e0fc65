// Block ids at their borders: which partitions are numbers, which go by their names, and which RDD each belongs to.

import { describe, expect, test } from "vitest";
import { Refusal } from "../../src/fault.js";
import { blockName, canonical, NO_RDD, rddBlock, rddOf } from "../../src/storage/block.js";

const SPAN = 2 ** 26;

describe("a partition", () => {
  test.each([
    [0, 0, 0],
    [0, 1, 1],
    [1, 0, SPAN],
    [3, 14, 3 * SPAN + 14],
    [9, 90, 9 * SPAN + 90],
    [SPAN - 1, SPAN - 1, 2 ** 52 - 1],
  ])("%d, %d is the number %d", (rdd, partition, id) => {
    expect(rddBlock(rdd, partition)).toBe(id);
    expect(canonical(`rdd_${rdd}_${partition}`)).toBe(id);
    expect(canonical(id)).toBe(id);
    expect(blockName(id)).toBe(`rdd_${rdd}_${partition}`);
    expect(rddOf(id)).toBe(rdd);
  });

  test.each([
    [SPAN, 0],
    [0, SPAN],
    [123_456_789, 0],
    [0, 99_999_999_999],
    [-1, 0],
    [0, -1],
  ])("%d, %d goes by its name", (rdd, partition) => {
    const name = `rdd_${rdd}_${partition}`;
    expect([rddBlock(rdd, partition), canonical(name), blockName(name)]).toEqual([name, name, name]);
    expect(rddOf(name)).toBe(rdd < 0 || partition < 0 ? NO_RDD : rdd);
  });

  // Nobody writes such names; they are kept as they are given.
  test.each(["rdd_07_1", "rdd_7_01", "rdd_00_0"])("named %s is not the one without leading zeros", (name) => {
    expect([canonical(name), rddOf(name)]).toEqual([name, Number(name.split("_")[1])]);
  });

  test.each(["rdd_/_1", "rdd_:_1", "rdd_1_/", "rdd_1_:", "rdd_1_2_3", "rdd_", "rdd__", "rddX1_2", "xrdd_12345678_1"])(
    "is not what %s names",
    (name) => expect([canonical(name), rddOf(canonical(name))]).toEqual([name, NO_RDD]),
  );
});

test("another number is refused by name", () => {
  for (const id of [-1, 0.5, 2 ** 53]) {
    expect(() => canonical(id)).toThrow(
      new Refusal(`a block is known by a name or by what rddBlock gives, not by ${id}`),
    );
  }
});
