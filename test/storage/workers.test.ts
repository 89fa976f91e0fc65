// Threads that share one block store: they put, read, pin, remove and evict each other's blocks, and die in the middle of it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { blockFiles } from "../../src/spill/block-files.js";
import { build } from "../house/built.js";
import { numbers } from "../help/seed.js";
import { region } from "../memory/doubles.js";
import { type Churned, Hand, kill } from "./hands.js";
import { type SharedWorker, sharedWorld } from "./shared-world.js";

const SIZES = { onHeap: region(4000), offHeap: region(3000), blocks: 64, cells: 64, cellBytes: 600 };
const RUNS = Number(process.env["RUNS"] ?? 1);

const hands: Hand[] = [];
let directory: string | null = null;
let world: SharedWorker;

beforeAll(build);

async function crew(count: number, onDisk: boolean): Promise<Hand[]> {
  directory = onDisk ? mkdtempSync(join(tmpdir(), "tungsten-blocks-")) : null;
  world = sharedWorld({ ...SIZES, disk: directory === null ? null : blockFiles(directory) });
  hands.push(...(await Promise.all(Array.from({ length: count }, () => Hand.hire(world, SIZES, directory)))));
  return [...hands];
}

afterEach(async () => {
  await kill(hands.splice(0), world);
  if (directory !== null) rmSync(directory, { recursive: true });
});

/** Nothing is held, half done or lost, and everything can be given back. */
function allIsWell(): void {
  expect(world.check()).toEqual([]);
  expect([world.table.arriving, world.table.pinned]).toEqual([0, 0]);
  for (const mode of [ON_HEAP, OFF_HEAP] as const) {
    const entries: [number, number][] = [];
    world.manager.forEachEntry(mode, (task, bytes) => entries.push([task, bytes]));
    expect(entries).toEqual([]);
    expect(world.store.unrolled(mode)).toBe(0);
  }
  world.store.clear();
  expect([world.manager.storageUsed, world.table.size, world.cells.live()]).toEqual([0, 0, []]);
}

describe.each([
  [2, "in memory", false],
  [4, "in memory", false],
  [2, "on a disk in common", true],
  [4, "on a disk in common", true],
])("%d workers with blocks %s", (count, _, onDisk) => {
  test("find every block whole", async () => {
    const workers = await crew(count, onDisk);
    const rounds = (onDisk ? 500 : 4000) * RUNS;
    const done = await Promise.all(
      workers.map((hand, at) => hand.ask<Churned>("churn", { seed: at + 1, rounds, names: 40 })),
    );
    expect(done.flatMap(({ torn }) => torn)).toEqual([]);
    for (const what of ["puts", "reads", "fromOthers", "evictions"] as const)
      expect(
        done.reduce((sum, each) => sum + each[what], 0),
        what,
      ).toBeGreaterThan(10);
    allIsWell();
  });
});

test.each([
  [2, false],
  [4, false],
  [3, true],
])("%d workers that die at any moment lose nothing (on disk: %s)", async (count, onDisk) => {
  await crew(count, onDisk);
  const random = numbers(count);
  for (let death = 0; death < 3 * RUNS; death += 1) {
    for (const [at, hand] of hands.entries())
      hand.start("churn", { seed: 1 + death * count + at, names: 40, ends: false, most: 600 });
    await new Promise((resolve) => setTimeout(resolve, 5 + 25 * random()));
    const dead = hands.splice(0, 1 + Math.floor(random() * count));
    await kill(dead, world);
    // The others go on.
    const [one] = hands;
    if (one === undefined) allIsWell();
    while (hands.length < count) hands.push(await Hand.hire(world, SIZES, directory));
  }
  await kill(hands.splice(0), world);
  allIsWell();
});

test("a handler that dies in the middle of an eviction leaves the rest where it was", async () => {
  const [one, other] = (await crew(2, false)) as [Hand, Hand];
  for (const block of ["a", "b", "c", "d", "e", "f", "g", "h"]) world.store.put(block, new Uint8Array(500));
  await one.stuck("dieInHandler", { bytes: 600 });
  // Another worker's decision sleeps until the dead one's ends.
  const put = other.ask<boolean>("put", { block: "i", bytes: 600, mode: ON_HEAP, fate: "gone" });
  await kill([one], world);
  expect(await put).toBe(true);
  hands.shift();
  expect(world.check()).toEqual([]);
  // One has left for the dead worker's block and made half the room for the other's.
  expect([...world.store.blocks(ON_HEAP)]).toEqual(["c", "d", "e", "f", "g", "h", "i"]);
});
