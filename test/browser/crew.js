// A page and two workers on one memory.
import { buryWhenGone, Consumer, MemoryBusy, OFF_HEAP, shareExecutor } from "./index.js";

const MIB = 2 ** 20;

class Holder extends Consumer {
  spill() {
    return 0;
  }
}

export async function share() {
  const isolated = globalThis.crossOriginIsolated;
  let executor;
  try {
    executor = shareExecutor({ conf: { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "100m" } });
  } catch (error) {
    return { isolated, error: error.name, reason: error.reason, message: error.message };
  }
  const places = [executor.place(), executor.place()];
  const workers = places.map(() => new Worker("/hand.js", { type: "module" }));
  const answer = (worker) =>
    new Promise((resolve) => worker.addEventListener("message", ({ data }) => resolve(data), { once: true }));
  const ask = (worker, message) => {
    const answered = answer(worker);
    worker.postMessage(message);
    return answered;
  };
  await Promise.all(workers.map((worker, i) => ask(worker, { place: places[i] })));
  const gone = buryWhenGone(executor, places[0]);

  const first = [];
  for (const worker of workers) first.push(await ask(worker, { acquire: 30 * MIB }));
  // A page does not sleep: what it must wait for it awaits.
  const mine = new Holder(executor.task(99), { name: "mine", mode: OFF_HEAP });
  const rest = mine.acquireMemory(40 * MIB);
  // Nothing is free. A task that holds nothing must wait.
  const other = new Holder(executor.task(100), { name: "other", mode: OFF_HEAP });
  const waits = executor.wait(other.task, other.acquireRequest(25 * MIB));
  const asleep = executor.ledger.waiting;
  await ask(workers[1], { free: 25 * MIB });
  const awaited = await waits;
  // Too little is free for its floor: the worker sleeps until the page gives some back.
  const sleeps = ask(workers[1], { acquire: 20 * MIB });
  while (executor.ledger.waiting === 0) await new Promise((resolve) => setTimeout(resolve));
  mine.freeMemory(20 * MIB);
  const woken = await sleeps;

  // Both take and free pages of one arena. The page looks for its lock, and where it cannot have it asks again.
  mine.freeMemory(mine.used);
  await ask(workers[1], { free: 25 * MIB });
  const others = ask(workers[1], { pages: 1000 });
  let pages = 0;
  let torn = 0;
  for (let i = 0; pages < 300; i += 1) {
    try {
      const page = mine.allocateArray(1000 * (1 + (i % 29)));
      const bytes = page.views.u8.subarray(page.base, page.base + page.bytes);
      bytes.fill(2);
      if (bytes.indexOf(1) >= 0) torn += 1;
      mine.freePage(page);
      pages += 1;
    } catch (error) {
      if (!(error instanceof MemoryBusy)) throw error;
    }
  }
  await others;

  workers[0].terminate();
  const estate = await gone;
  other.freeMemory(other.used);
  const left = executor.manager.executionUsed;
  const lawsBroken = executor.check();
  workers[1].terminate();
  return { isolated, first, rest, asleep, woken, awaited, pages, torn, estate, left, lawsBroken };
}
