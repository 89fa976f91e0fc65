// Threads on one arena, some of which are terminated in the middle of what they do.

import { beforeAll, describe, expect, test } from "vitest";
import { Arena } from "../../src/memory/arena.js";
import { begun, crewBoard, type CrewThread, crewThread } from "../help/crew.js";
import { numbers, seeded } from "../help/seed.js";
import { build } from "../house/built.js";

const MIB = 2 ** 20;
const { seed, numRuns } = seeded(4);
beforeAll(build);

const SIZES: [string, number, number | undefined][] = [
  ["with room", 256 * MIB, undefined],
  ["that is always full", MIB, undefined],
  ["whose workers keep little", 64 * MIB, 20_000],
];

/** Worker 1 ends and leaves all to worker 2, who finds nothing in use. */
function expectNothingLeft(arena: Arena): void {
  const after = Arena.attach(arena.memories);
  arena.detach();
  after.check();
  expect(after.stats()).toMatchObject({ usedBytes: 0, blocks: 0, freeBytes: 0 });
  expect([after.usedBytes, after.liveBlocks]).toEqual([0, 0]);
}

describe.each(SIZES)("an arena %s", (_, limitBytes, cacheBytes) => {
  const create = () => Arena.create({ limitBytes, workers: 6, ...(cacheBytes === undefined ? {} : { cacheBytes }) });

  test.each([2, 4])("%i workers find all bytes as they left them, and nothing is left", async (workers) => {
    const arena = create();
    const board = crewBoard();
    const threads = Array.from({ length: workers }, (__, i) =>
      crewThread(arena, board, { worker: i + 2, seed: seed + i, acts: 10_000 * Math.ceil(numRuns / 4) }),
    );
    await begun(board, workers);
    for (let look = 0; look < 20; look += 1) {
      arena.check();
      expect(arena.stats().usedBytes).toBeLessThanOrEqual(limitBytes);
    }
    await Promise.all(threads.map(({ done }) => done));
    arena.check();
    for (let worker = 2; worker < workers + 2; worker += 1) expect(arena.recover(worker)).not.toBeNull();
    expectNothingLeft(arena);
  });

  test("a worker that is terminated leaves nothing behind, and another one goes on", async () => {
    const arena = create();
    const board = crewBoard();
    const random = numbers(seed);
    const other = crewThread(arena, board, { worker: 3, seed: seed + 3, acts: Infinity });
    await begun(board, 1);
    let recovered = 0;
    for (let death = 0; death < numRuns; death += 1) {
      const victim: CrewThread = crewThread(arena, board, { worker: 2, seed: seed + death, acts: Infinity });
      await begun(board, 2 + death);
      await new Promise((resolve) => setTimeout(resolve, random() * 8));
      await victim.thread.terminate();
      recovered += arena.recover(2)!.blocks;
      arena.check();
    }
    expect(recovered).toBeGreaterThan(0);
    Atomics.store(board, 0, 1);
    await other.done;
    arena.recover(3);
    expectNothingLeft(arena);
  });
});
