// How long an eviction that writes to disk keeps other workers waiting: it decides, so they sleep until its last block is
// written. Prints what was measured; what holds is checked elsewhere.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ON_HEAP } from "../../src/memory/mode.js";
import { blockFiles } from "../../src/spill/block-files.js";
import { build } from "../house/built.js";
import { region } from "../memory/doubles.js";
import { Hand, kill } from "../storage/hands.js";
import { sharedWorld } from "../storage/shared-world.js";

const KIB = 1024;
const directory = mkdtempSync(join(tmpdir(), "tungsten-blocks-"));

beforeAll(build);
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  [0, 64 * KIB],
  [1, 64 * KIB],
  [16, 64 * KIB],
  [16, 1024 * KIB],
])("%d blocks of %d bytes written out by one decision", async (blocks, blockBytes) => {
  const total = 2 * Math.max(1, blocks) * blockBytes;
  const sizes = {
    onHeap: region(total + 1, total),
    offHeap: region(0),
    blocks: 64,
    cells: 64,
    cellBytes: 16 * 1024 * KIB,
    disk: blockFiles(directory),
    patienceMs: 10_000,
  };
  const world = sharedWorld(sizes);
  const hand = await Hand.hire(world, sizes, directory);
  const measured = hand.ask<{ pairs: number; longestMs: number }>("pairs", { forMs: 1500, mode: ON_HEAP });
  const tookMs: number[] = [];
  for (const end = performance.now() + (blocks === 0 ? 0 : 1300); performance.now() < end;) {
    for (let i = 0; i < blocks; i += 1) world.store.put(`old ${i}`, new Uint8Array(blockBytes), ON_HEAP, "disk");
    expect(world.manager.acquireStorage("raw", total - blocks * blockBytes, ON_HEAP)).toBe(true);
    const from = performance.now();
    // Everything that storage has, the blocks included.
    expect(world.store.put("new", new Uint8Array(blocks * blockBytes))).toBe(true);
    tookMs.push(performance.now() - from);
    expect(world.store.evictions).toBe(blocks * tookMs.length);
    world.store.clear();
    world.manager.releaseAllStorage(ON_HEAP);
    for (let i = 0; i < blocks; i += 1) world.store.remove(`old ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { pairs, longestMs: stallMs } = await measured;
  tookMs.sort((a, b) => a - b);
  const median = tookMs[tookMs.length >> 1] ?? 0;
  const longest = tookMs.at(-1) ?? 0;
  console.log(
    `${blocks} blocks of ${blockBytes / KIB} KiB, ${tookMs.length} evictions: median ${median.toFixed(2)} ms, longest ` +
      `${longest.toFixed(2)} ms; the longest of ${pairs} pairs of another worker ${stallMs.toFixed(2)} ms`,
  );
  await kill([hand], world);
});
