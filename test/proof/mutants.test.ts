// The faults of scripts/faults.mjs: every one of them is listed in mutants.md with the means that shows it, and some are shown
// here. All of them are in `npm run soak`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { FAULTS } from "../../scripts/faults.mjs";
import { withFault } from "../../scripts/scheduled.mjs";
import { ROOT } from "../house/built.js";
import { buildVariants } from "./crew.js";
import { hunt, MEANS, readTable } from "./hunt.js";

/** One of each kind: the common path, the lock, waiting twice, death, pages, burial. */
const HERE = [
  "claim-stores",
  "unlock-wakes-nobody",
  "epoch-read-too-late",
  "wake-one",
  "undo-remembers-too-late",
  "page-pop-stores",
  "estate-before-pages",
];

const table = readTable();

beforeAll(() => void buildVariants("sound", ...HERE));

test("mutants.md lists every fault once, with a means that there is", () => {
  expect([...table.keys()].sort()).toEqual(FAULTS.map(({ name }) => name).sort());
  expect(table.size).toBeGreaterThanOrEqual(20);
  for (const { how, where } of table.values())
    expect(MEANS.some((means) => means.how === how && means.where === where)).toBe(true);
});

test.each(FAULTS)("the place of $name stands in $file once", (fault) => {
  const text = readFileSync(join(ROOT, fault.file), "utf8");
  expect(withFault(text, fault)).not.toBe(text);
});

test.each(HERE)("%s shows", async (name) => {
  expect(await hunt(name, [table.get(name)!])).not.toBeNull();
});

test("the sound code shows no fault by the means that show them", async () => {
  expect(
    await hunt(
      "sound",
      HERE.map((name) => table.get(name)!),
    ),
  ).toBeNull();
});
