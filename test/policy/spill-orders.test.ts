// Orders of spilling besides Spark's: by table, and as a task goes by them.

import { describe, expect, test } from "vitest";
import { spillOrderNamed } from "../../src/policy/registry.js";
import type { Candidate, SpillOrder } from "../../src/policy/victim.js";
import { type Holder, holder, thousand } from "./view.js";

const facts = { writes: 0, lastUse: 0, lastSpill: 0 };
type Fact = Partial<typeof facts>;
const among = (...list: (readonly [key: number, fact?: Fact])[]): Candidate<null>[] =>
  list.map(([key, fact]) => Object.freeze({ consumer: null, key, facts: Object.freeze({ ...facts, ...fact }) }));

test.each<[string, string, Candidate<null>[], number, number]>([
  ["largest", "the largest", among([0], [10], [20]), 5, 2],
  ["largest", "the last that joined of equals", among([20], [20]), 5, 1],
  ["largest", "the requester when nobody else is left", among([0]), 5, 0],
  [
    "lru",
    "who acquired longest ago",
    among([0], [10, { lastUse: 9 }], [20, { lastUse: 3 }], [30, { lastUse: 5 }]),
    5,
    2,
  ],
  ["lru", "the smaller of those that never did", among([10], [20]), 5, 0],
  ["lru", "not the requester while others are left", among([0, { lastUse: 1 }], [10, { lastUse: 9 }]), 5, 1],
  ["round-robin", "who spilled longest ago", among([0], [10, { lastSpill: 2 }], [20, { lastSpill: 1 }]), 5, 2],
  ["round-robin", "who never did", among([10, { lastSpill: 2 }], [20], [30, { lastSpill: 1 }]), 5, 1],
  [
    "cheapest",
    "who writes least of those that cover the need",
    among([5, { writes: 1 }], [10, { writes: 9 }], [20, { writes: 8 }], [30, { writes: 30 }]),
    10,
    2,
  ],
  ["cheapest", "the smaller of equals that cover it", among([10, { writes: 5 }], [20, { writes: 5 }]), 10, 0],
  [
    "cheapest",
    "who writes least a byte when none covers it",
    among([0], [10, { writes: 9 }], [20, { writes: 10 }], [30, { writes: 30 }]),
    99,
    2,
  ],
  ["cheapest", "the requester when nobody else is left", among([0]), 5, 0],
])("%s takes %s", (name, _what, candidates, need, index) => {
  const order = spillOrderNamed(name, 401);
  expect([order.name, order.pick(candidates, need), order.pick(candidates, need)]).toEqual([name, index, index]);
});

test("spark is as in the generation", () => {
  expect(spillOrderNamed("spark", 204).requester).toBe("once-after-others");
  expect(thousand({ spillOrder: "spark", generation: "2.4" }).spillOrder.requester).toBe("once-after-others");
});

describe("a task whose order is", () => {
  // Three that hold 100, 200 and 300, asked for room one after the other by a fourth.
  const spilled = (spillOrder: string, before: (holders: Holder[]) => void = () => {}): string[] => {
    const executor = thousand({ spillOrder });
    const said: string[] = [];
    executor.onSpill = ({ consumer }) => said.push(consumer.name);
    const holders = [100, 200, 300].map((bytes) => {
      const each = holder(executor, 1, `holds ${bytes}`);
      each.acquireMemory(bytes);
      return each;
    });
    const asking = holder(executor, 1, "asks");
    asking.acquireMemory(400);
    before(holders);
    for (const bytes of [50, 60, 70]) {
      asking.acquireMemory(bytes);
      // What it got is somebody else's at once, so that the next request is as short as this one.
      asking.freeMemory(bytes);
      asking.acquireMemory(1000 - executor.manager.executionUsed);
    }
    expect(executor.check()).toEqual([]);
    return said;
  };

  test("spark: the smallest that covers the need", () =>
    expect(spilled("spark")).toEqual(["holds 100", "holds 200", "holds 300"]));

  test("largest: the largest first", () => expect(spilled("largest")).toEqual(["holds 300", "holds 200", "holds 100"]));

  test("lru: who has not asked for the longest time", () => {
    expect(spilled("lru", ([first]) => (first!.acquireMemory(0 + 1), first!.freeMemory(1)))).toEqual([
      "holds 200",
      "holds 300",
      "holds 100",
    ]);
  });

  test("cheapest: who has least to write", () =>
    expect(spilled("cheapest", (all) => all.forEach((each, at) => (each.writes = 50 - at)))).toEqual([
      "holds 300",
      "holds 200",
      "holds 100",
    ]));

  test("round-robin: in turn, also within one request", () => {
    const executor = thousand({ spillOrder: "round-robin" });
    const said: string[] = [];
    executor.onSpill = ({ consumer }) => said.push(consumer.name);
    for (const name of ["a", "b", "c"]) {
      const each = Object.assign(holder(executor, 1, name), { most: 10 });
      each.acquireMemory(300);
    }
    const asking = holder(executor, 1, "asks");
    asking.acquireMemory(100);
    expect(asking.acquireMemory(50)).toBe(50);
    expect(asking.acquireMemory(20)).toBe(20);
    expect(said).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
  });
});

describe("an order that is none", () => {
  test.each<[string, SpillOrder["pick"], number, string]>([
    ["picks nobody", () => 1, 9, "law 9: policy mine answers pick with 1: 1 consumers can spill"],
    ["picks no number", () => NaN, 9, "law 9: policy mine answers pick with NaN: 1 consumers can spill"],
    ["picks nothing", () => undefined as never, 9, "answers pick with undefined"],
    [
      "throws",
      () => {
        throw new Error("tired");
      },
      10,
      "law 10: policy mine answers pick with an error: tired",
    ],
  ])("%s is refused, and what was granted goes back", (_what, pick, law, says) => {
    const executor = thousand({ spillOrder: { name: "mine", requester: "candidate", pick } });
    const [other, asking] = [holder(executor, 1, "other"), holder(executor, 1, "asking")];
    other.acquireMemory(400);
    expect(() => asking.acquireMemory(700)).toThrow(
      expect.objectContaining({ name: "BrokenLaw", law, message: expect.stringContaining(says) as unknown }),
    );
    expect([other.used, asking.used, executor.manager.executionUsed]).toEqual([400, 0, 400]);
    expect(executor.check()).toEqual([]);
  });
});

test("orders that need no facts keep none", () => {
  const { spillOrder } = thousand({});
  expect(spillOrder.wantsFacts).toBeUndefined();
  const task = thousand({ spillOrder: "largest" }).task(1);
  expect(Object.hasOwn(task, "acquireExecutionMemory")).toBe(false);
  expect(Object.hasOwn(thousand({ spillOrder: "lru" }).task(1), "acquireExecutionMemory")).toBe(true);
});
