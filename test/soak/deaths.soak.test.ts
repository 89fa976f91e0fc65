// Threads that are stopped at random moments under load, a thousand of them: every byte and page comes back each time, and
// what that cost the others is printed.

import { expect, test } from "vitest";
import { OFF_HEAP, ON_HEAP, shareExecutor } from "../../dist/index.js";
import { seeded } from "../help/seed.js";
import { Hand } from "../shared/crew.js";

const MIB = 2 ** 20;
const { seed: SEED, numRuns: KILLS } = seeded(20);

test("a thread may be stopped anywhere", async () => {
  const executor = shareExecutor({
    conf: {
      "spark.testing.memory": String(16 * MIB),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.offHeap.enabled": "true",
      "spark.memory.offHeap.size": String(16 * MIB),
      "spark.buffer.pageSize": "64k",
    },
    workers: 5,
  });
  const [witness, neighbour] = await Promise.all([Hand.hire(executor), Hand.hire(executor)]);
  const over = new AbortController();
  let longestMs = 0;
  const watching = (async () => {
    while (!over.signal.aborted)
      longestMs = Math.max(longestMs, await witness!.ask("pause", { task: 1000, forMs: 500 }));
  })();
  void neighbour!.ask("storm", { seed: SEED, task: 1001 }).catch(() => {});
  let broughtBack = 0;
  const rounds = KILLS;
  for (let round = 0; round < rounds; round += 1) {
    const victim = await Hand.hire(executor);
    void victim.ask("storm", { seed: SEED + round, task: round }).catch(() => {});
    const lifeMs = 1 + ((Math.imul(SEED + round, 2654435761) >>> 0) % 20);
    await new Promise((resolve) => setTimeout(resolve, lifeMs));
    const estate = await victim.kill();
    broughtBack += estate.execution + estate.storage;
    for (const mode of [ON_HEAP, OFF_HEAP] as const) expect(executor.manager.hasEntry(round, mode)).toBe(false);
    expect(executor.check()).toEqual([]);
  }
  over.abort();
  expect(broughtBack).toBeGreaterThan(rounds);
  await watching;
  await Promise.all([witness!.kill(), neighbour!.kill()]);
  executor.store.clear();
  expect(executor.check()).toEqual([]);
  expect([executor.manager.executionUsed, executor.manager.storageUsed]).toEqual([0, 0]);
  const { arenas } = executor.allocator(OFF_HEAP) as unknown as { arenas: { stats(): { usedBytes: number } }[] };
  expect(arenas[0]!.stats().usedBytes).toBe(0);
  console.log(
    `${rounds} threads stopped, ${(broughtBack / MIB).toFixed(1)} MiB brought back; the longest pair of another took ${longestMs.toFixed(1)} ms`,
  );
});
