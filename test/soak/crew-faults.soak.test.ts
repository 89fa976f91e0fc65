// Faults put into the allocator that workers share: each must be found by one of the scenes, or the scenes are worth nothing.

import { afterAll, expect, test } from "vitest";
import { seeded } from "../help/seed.js";
import { compileSteps } from "../help/steps.js";
import { deaths, deathsInRepair, meetings, wander } from "../memory/crew-scenes.js";

const { seed } = seeded(1);

interface Fault {
  readonly name: string;
  readonly file: "crew.ts" | "repair.ts" | "arena.ts";
  readonly from: string;
  readonly to: string;
}

const FAULTS: readonly Fault[] = [
  {
    name: "a list is given back without a mark, so that its worker may put its blocks there again (ABA)",
    file: "crew.ts",
    from: "atomic.cmpxchg<u32>(head, first, first | GOING)",
    to: "atomic.cmpxchg<u32>(head, first, first)",
  },
  {
    name: "a block leaves the cache by a store instead of compare-and-swap",
    file: "crew.ts",
    from: "const found = atomic.cmpxchg<u32>(head, index, load<u32>(at, NEXT));",
    to: "const found = index; atomic.store<u32>(head, load<u32>(at, NEXT));",
  },
  {
    name: "a block enters the cache by a store instead of compare-and-swap",
    file: "crew.ts",
    from: "const found = atomic.cmpxchg<u32>(head, first, index);",
    to: "const found = first; atomic.store<u32>(head, index);",
  },
  {
    name: "a free takes the block without looking whether another one has",
    file: "crew.ts",
    from: "const found = atomic.cmpxchg<u32>(at + HOLDER, holder, me | CACHED);",
    to: "const found = holder; atomic.store<u32>(at + HOLDER, me | CACHED);",
  },
  {
    name: "a resize does not keep others from freeing the block",
    file: "crew.ts",
    from: "isLive(holder) && atomic.cmpxchg<u32>(at + HOLDER, holder, holder | BUSY) == holder",
    to: "isLive(holder)",
  },
  {
    name: "others' caches are not given back before a refusal",
    file: "crew.ts",
    from: "load<u32>(AT_MAP_WANTED) == 0 && giveBackAll()",
    to: "load<u32>(AT_MAP_WANTED) == 0 && giveBackCache(place)",
  },
  {
    name: "a block from the cache may be too short",
    file: "crew.ts",
    from: "if (bytesOf(at) < bytes) return 0;",
    to: "",
  },
  {
    name: "a cache has no bound",
    file: "crew.ts",
    from: "if (cachedBytes(place) + bytesOf(at) > load<u32>(AT_CACHE_BYTES) || !push(handle, at))",
    to: "if (!push(handle, at))",
  },
  {
    name: "a list that was being given back is forgotten with who did it",
    file: "repair.ts",
    from: "if (torn) settleGoing();",
    to: "",
  },
  { name: "torn tables stay torn", file: "repair.ts", from: "if (torn) rebuild();", to: "" },
  {
    name: "torn tables are taken for whole",
    file: "repair.ts",
    from: "return torn ? 1 : 0;",
    to: "return 0;",
  },
  {
    name: "a block stays busy when who resized it has died",
    file: "repair.ts",
    from: "if (torn && (holder & BUSY) != 0)",
    to: "if (false)",
  },
  {
    name: "the cache of a dead worker is lost",
    file: "repair.ts",
    from: "while (isBuried(holder & ~(CACHED | BUSY)))",
    to: "while ((holder & CACHED) == 0 && isBuried(holder & ~BUSY))",
  },
  {
    name: "a new block is a worker's before it is cut to its length",
    file: "arena.ts",
    from: "  store<u32>(at, addressOf(at) | USED);\n  cutTail(index, at, bytes);\n  return index;",
    to: "  store<u32>(at, addressOf(at) | USED);\n  store<u32>(at, 1, 24);\n  cutTail(index, at, bytes);\n  return index;",
  },
];

const found: string[] = [];
afterAll(() => console.log(found.join("\n")));

test.each(FAULTS)("$name: found", async ({ name, file, from, to }) => {
  const module = await compileSteps((each, text) => {
    if (each !== file) return text;
    const parts = text.split(from);
    expect(parts.length, `places of the fault in ${file}`).toBe(2);
    return parts.join(to);
  });
  const scenes = {
    wander: () => wander(module, seed, 8),
    deaths: () => deaths(module, seed, 8),
    "deaths in repair": () => deathsInRepair(module, seed, [3, 7]),
    meetings: () => meetings(module, seed, 8),
  };
  const by = Object.entries(scenes).flatMap(([scene, run]) => {
    try {
      run();
      return [];
    } catch (error) {
      return [`${scene} (${(error as Error).message})`];
    }
  });
  found.push(`${name}: ${by.join("; ")}`);
  expect(by).not.toEqual([]);
});
