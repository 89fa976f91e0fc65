// Policies by table: what each answers to one view, in exact bytes.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { divide, MUST_WAIT, REFUSE, type RegionView } from "../../src/policy/policy.js";
import { staticPolicy } from "../../src/policy/static.js";
import { unified } from "../../src/policy/unified.js";
import { sparkSpillOrder } from "../../src/policy/victim.js";
import { seeded } from "../help/seed.js";
import { view } from "./view.js";

test("what is no number of bytes is below all that are", () => {
  expect(MUST_WAIT).toBeLessThan(0);
  expect(REFUSE).toBeLessThan(0);
});

test("division rounds down and is exact up to 2^53 - 1", () => {
  expect([divide(7, 2), divide(8, 2), divide(0, 3)]).toEqual([3, 4, 0]);
  expect(divide(Number.MAX_SAFE_INTEGER, 2)).toBe(4503599627370495);
  expect(divide(Number.MAX_SAFE_INTEGER, 3)).toBe(3002399751580330);
});

test("division agrees with that of whole numbers, next to multiples too", () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.constantFrom(-1, 0, 1),
      (a, b, beside) => {
        const multiple = Number(BigInt(a) - (BigInt(a) % BigInt(b)));
        const near = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, multiple + beside));
        for (const each of [a, near]) expect(divide(each, b)).toBe(Number(BigInt(each) / BigInt(b)));
      },
    ),
    seeded(2000),
  );
});

describe("unified", () => {
  test("is called so", () => expect(unified.name).toBe("unified"));

  test.each<[string, Partial<RegionView>, number]>([
    ["all but what storage uses", {}, 850],
    ["all but R where storage uses more", { storageSize: 700, executionSize: 300, storageUsed: 700 }, 600],
    ["less what nobody manages", { unmanaged: 100 }, 750],
    ["never less than nothing", { unmanaged: 900 }, 0],
  ])("tasks share %s", (_what, part, bytes) => expect(unified.ceiling(view(part))).toBe(bytes));

  test.each<[string, number, Partial<RegionView>, number]>([
    ["what is missing", 100, {}, 100],
    ["at most what is free below R", 1000, {}, 250],
    ["at most what lies above R, free or not", 1000, { storageSize: 900, executionSize: 100, storageUsed: 900 }, 500],
    ["nothing of a full pool below R", 10, { storageUsed: 400 }, 0],
  ])("execution asks storage for %s", (_what, missing, part, bytes) =>
    expect(unified.reclaim(view(part), missing)).toBe(bytes),
  );

  test.each<[string, number, Partial<RegionView>, number]>([
    ["nothing where storage has room", 250, {}, 0],
    ["the byte that storage lacks", 251, {}, 1],
    ["what is free and no more", 750, { storageUsed: 300 }, 350],
    ["to the last byte of the region", 750, {}, 350],
    ["refused beyond it", 751, {}, REFUSE],
    ["less what nobody manages", 650, { unmanaged: 100 }, 350],
    ["refused beyond that", 651, { unmanaged: 100 }, REFUSE],
    ["refused where nothing is left", 1, { unmanaged: 900 }, REFUSE],
    ["nothing for nothing", 0, { unmanaged: 900 }, 0],
  ])("is lent %s", (_what, bytes, part, lent) => {
    expect(unified.lend(view(part), bytes, "storage")).toBe(lent);
    expect(unified.lend(view(part), bytes, "unroll")).toBe(lent);
  });

  test("evicts what storage still lacks", () => {
    expect(unified.evict(view(), 250, "storage", 0)).toBe(0);
    expect(unified.evict(view(), 260, "unroll", 99)).toBe(10);
  });
});

describe("a task's share", () => {
  test.each<[string, number, number, Partial<RegionView>, number]>([
    ["the whole within its cap", 100, 325, {}, 325],
    ["the rest up to 1/N of what execution could have", 100, 326, {}, 325],
    ["what is free, above 1/2N", 140, 200, { executionUsed: 590 }, 10],
    ["what is free, at 1/2N", 140, 200, { executionUsed: 590, executionSize: 600 }, 10],
    ["a wait below 1/2N", 139, 200, { executionUsed: 590 }, MUST_WAIT],
    ["the whole below 1/2N", 0, 10, { executionUsed: 590 }, 10],
    ["nothing above its cap", 500, 1, { executionUsed: 600 }, 0],
    ["its cap rounded down", 0, 400, { entries: 3, executionUsed: 0 }, 283],
  ])("is %s", (_what, held, bytes, part, granted) => expect(unified.share(view(part), held, bytes)).toBe(granted));
});

describe("static", () => {
  const policy = staticPolicy(80);

  test("is called so", () => expect(policy.name).toBe("static"));

  test("moves no boundary", () => {
    expect(policy.ceiling(view())).toBe(600);
    expect(policy.reclaim(view(), 1000)).toBe(0);
    expect(policy.share(view(), 0, 1000)).toBe(300);
    expect(policy.lend(view(), 400, "storage")).toBe(0);
  });

  test("refuses at once a block larger than storage, not its unrolling", () => {
    expect(policy.lend(view(), 401, "storage")).toBe(REFUSE);
    expect(policy.lend(view(), 401, "unroll")).toBe(0);
  });

  test.each<[string, number, number, number, number]>([
    // what, asked, reserved for unrolling, storage used, evicted
    ["what a request lacks", 60, 0, 390, 50],
    ["no more than the bound leaves beyond what is free", 100, 0, 390, 70],
    ["less what is reserved", 100, 30, 390, 40],
    ["nothing beyond the bound", 100, 81, 390, 0],
    ["nothing where enough is free", 10, 0, 390, 0],
  ])("unrolling evicts %s", (_what, bytes, unrolled, storageUsed, evicted) =>
    expect(policy.evict(view({ storageUsed }), bytes, "unroll", unrolled)).toBe(evicted),
  );

  test("a block evicts all that it lacks, whatever is reserved", () =>
    expect(policy.evict(view({ storageUsed: 390 }), 300, "storage", 80)).toBe(290));
});

describe("the order of spilling", () => {
  const order = sparkSpillOrder(401);
  const keys = (...held: number[]) => held.map((key) => ({ consumer: null, key }));

  test.each<[string, number[], number, number]>([
    ["the smallest that covers the need", [0, 10, 20, 30], 15, 2],
    ["one that covers it exactly", [0, 10, 20, 30], 20, 2],
    ["the largest when none does", [0, 10, 20, 30], 31, 3],
    ["the last that joined of equals that cover it", [0, 20, 20, 20, 30], 15, 3],
    ["the last that joined of the largest", [10, 20, 20], 99, 2],
    ["the requester when nobody else is left", [0], 5, 0],
  ])("takes %s", (_what, held, need, index) => expect(order.pick(keys(...held), need)).toBe(index));

  // Section 5.2, differences by generation.
  test.each([
    [204, "once-after-others"],
    [301, "once-after-others"],
    [302, "repeatedly-after-others"],
    [303, "candidate"],
    [401, "candidate"],
  ])("in release %d has the requester as %s", (release, requester) =>
    expect(sparkSpillOrder(release)).toMatchObject({ name: "spark", requester }),
  );
});
