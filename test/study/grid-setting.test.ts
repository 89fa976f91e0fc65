// The grid and the choice of a part of it.

import { expect, test } from "vitest";
import { ALL, axesOf, nameOf, settingsOf, UnknownPart } from "../../src/study/grid/setting.js";

test("the whole grid has 180 settings of different names", () => {
  expect(axesOf([])).toEqual(ALL);
  const names = settingsOf(ALL).map(nameOf);
  expect(names).toHaveLength(180);
  expect(new Set(names).size).toBe(180);
  expect(names[0]).toBe("sort, 1/1 of the need, 16 B rows, 1 core, no live objects");
  expect(names.at(-1)).toBe("scan, 1/8 of the need, 1024 B rows, 1 core, 1.0 GiB of live objects");
});

test("choices hold together, and values are sorted and taken once", () => {
  expect(axesOf(["scan,sort", "budget=1/8,2,1/8", "record=64", "cores=1", "ballast=1m,0"])).toEqual({
    workload: ["sort", "scan"],
    share: [2, 8],
    recordBytes: [64],
    cores: [1],
    ballastBytes: [0, 2 ** 20],
  });
});

test.each([
  "sorting",
  "",
  "budget=",
  "budget=0",
  "budget=1/3.5",
  "budget=65",
  "record=20",
  "record=8",
  "cores=two",
  "ballast=x",
  "colour=red",
])("--only %j is refused", (choice) => {
  expect(() => axesOf([choice])).toThrow(UnknownPart);
  expect(() => axesOf([choice])).toThrow(`--only ${choice}: `);
});
