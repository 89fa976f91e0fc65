// A page and two workers on one memory.
import { buryWhenGone, Consumer, OFF_HEAP, shareExecutor } from "./index.js";

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

  workers[0].terminate();
  const estate = await gone;
  mine.freeMemory(mine.used);
  other.freeMemory(other.used);
  await ask(workers[1], { free: 25 * MIB });
  const left = executor.manager.executionUsed;
  const lawsBroken = executor.check();
  workers[1].terminate();
  return { isolated, first, rest, asleep, woken, awaited, estate, left, lawsBroken };
}
