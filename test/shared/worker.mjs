// A worker of the tests: attaches to its place and does what it is told, one command a message, in the code as it is shipped.
import { parentPort, workerData } from "node:worker_threads";
import { attachExecutor, Consumer } from "../../dist/index.js";

const { place, own = {} } = workerData;
const executor = attachExecutor(place, own);
const { manager, ledger } = executor;

class Holder extends Consumer {
  pages = [];
  spill() {
    return 0;
  }
}

const holders = new Map();
const holder = (task, mode) => {
  const key = `${task} ${mode}`;
  if (!holders.has(key)) holders.set(key, new Holder(executor.task(task), { name: `holder of ${task}`, mode }));
  return holders.get(key);
};

const COMMANDS = {
  acquire: ({ bytes, task, mode }) => manager.acquireExecution(bytes, task, mode),
  release: ({ bytes, task, mode }) => manager.releaseExecution(bytes, task, mode),
  storage: ({ bytes, mode }) => manager.acquireStorage("block", bytes, mode),
  /** Sleeps where it must wait. */
  hold: ({ bytes, task, mode }) => holder(task, mode).acquireMemory(bytes),
  drop: ({ bytes, task, mode }) => holder(task, mode).freeMemory(bytes),
  /** A page written over and over with a number. */
  page: ({ bytes, task, fill }) => {
    const page = holder(task, 1).allocatePage(bytes);
    page.views.u8.fill(fill, page.base, page.base + page.bytes);
    return page.bytes;
  },
  put: ({ block, bytes, fill, mode }) => executor.store.put(block, new Uint8Array(bytes).fill(fill), mode),
  read: ({ block }) => {
    const read = executor.store.read(block);
    return read === null ? null : [read.length, read[0], read.at(-1)];
  },
  remove: ({ block }) => executor.store.remove(block),
  state: () => [manager.state(0), manager.state(1)],
  check: () => executor.check(),
  close: () => executor.close(),
  /** Takes the lock, changes something, and never goes on. */
  dieLocked: ({ bytes, task, mode }) => {
    ledger.begin();
    ledger.enter(task, mode);
    ledger.grant(bytes, task, mode);
    stay();
  },
  dieDeciding: ({ bytes, task, mode }) => {
    ledger.begin();
    ledger.enter(task, mode);
    ledger.grant(bytes, task, mode);
    ledger.outside(stay);
  },
  /** Decides, with the lock or outside of it, until the flag is set. */
  decide: ({ flag, outside }) => {
    const decides = () => {
      parentPort.postMessage({ staying: true });
      Atomics.wait(flag, 0, 0);
    };
    ledger.alone(outside ? () => ledger.outside(decides) : decides);
  },
  /** Pairs, pages and blocks for a while; the longest that one of them took, milliseconds. */
  pause: ({ task, forMs }) => {
    const until = performance.now() + forMs;
    let [longestMs, before] = [0, performance.now()];
    while (before < until) {
      manager.acquireExecution(4096, task, 1);
      manager.releaseExecution(4096, task, 1);
      const now = performance.now();
      longestMs = Math.max(longestMs, now - before);
      before = now;
    }
    return longestMs;
  },
  /** Everything at once, for ever: memory, pages and blocks with bytes. */
  storm: ({ seed, task }) => {
    let random = seed >>> 0;
    const next = (n) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 2 ** 32) * n);
    };
    const mine = holder(task, 1);
    for (;;) {
      const what = next(6);
      const block = `b${next(40)}`;
      try {
        if (what === 0) {
          const page = mine.allocatePage(4096 * (1 + next(8)));
          if (page !== null) mine.pages.push(page);
        } else if (what === 1 && mine.pages.length > 0) mine.freePage(mine.pages.splice(next(mine.pages.length), 1)[0]);
        else if (what === 2) executor.store.put(block, new Uint8Array(1 + next(100_000)), next(2));
        else if (what === 3) executor.store.read(block);
        else if (what === 4) executor.store.remove(block);
        else if (manager.acquireExecution(1 + next(2 ** 20), task, 0) >= 0)
          manager.releaseExecution(next(2 ** 21), task, 0);
        else manager.giveUpExecution();
      } catch (error) {
        if (!["BlockExists", "BlockMisuse", "TaskOutOfMemory"].includes(error.name)) throw error;
      }
    }
  },
  /** Acquires and releases at random, for ever or `rounds` times. */
  churn: ({ seed, tasks, rounds = Infinity, most = 64 }) => {
    let random = seed >>> 0;
    const next = (n) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 2 ** 32) * n);
    };
    const held = new Map();
    let granted = 0;
    for (let i = 0; i < rounds; i += 1) {
      const task = tasks[next(tasks.length)];
      const mode = next(2);
      const key = 2 * task + mode;
      const had = held.get(key) ?? 0;
      if (next(16) === 0) {
        if (manager.acquireStorage("block", most, mode)) manager.releaseStorage(most, mode);
      } else if (next(2) === 0 || had === 0) {
        const got = manager.acquireExecution(1 + next(most), task, mode);
        if (got > 0) held.set(key, had + got);
        else if (got < 0) manager.giveUpExecution();
        granted += Math.max(0, got);
      } else {
        const some = 1 + next(had);
        manager.releaseExecution(some, task, mode);
        held.set(key, had - some);
      }
    }
    for (const [key, bytes] of held) if (bytes > 0) manager.releaseExecution(bytes, key >> 1, key & 1);
    return granted;
  },
};

function stay() {
  parentPort.postMessage({ staying: true });
  for (;;);
}

parentPort.on("message", ({ id, command, ...args }) => {
  try {
    parentPort.postMessage({ id, value: COMMANDS[command](args) });
  } catch (error) {
    parentPort.postMessage({ id, error: { name: error.name, message: error.message, reason: error.reason } });
  }
});
parentPort.postMessage({ here: true });
