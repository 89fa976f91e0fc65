// A worker of the tests: its own hold on blocks that all share, in the code as it is shipped. It does what it is told, one
// command a message.
import { parentPort, workerData } from "node:worker_threads";
import {
  MemoryManager,
  SharedLedger,
  SharedTable,
  BlockStore,
  storageRules,
  readConf,
  unified,
} from "../../dist/index.js";
import { blockFiles } from "../../dist/spill/index.js";
import { Cells } from "./cells.mjs";

const { memory, tenant, cells: buffer, cellBytes, regions, directory } = workerData;
const ledger = SharedLedger.attach(memory, { tenant });
const table = SharedTable.attach(ledger);
const cells = new Cells(buffer, cellBytes);
const manager = new MemoryManager({ policy: unified, ...regions, ledger, attached: true });
const disk = directory === null ? null : blockFiles(directory);
const rules = { ...storageRules(readConf({}, "4.1")), unrollBytes: 16 };
const store = new BlockStore({ manager, table, keepers: [cells, cells], disk, rules });

// What a store may answer when several come at once.
const REFUSED = new Set(["BlockExists", "BlockMisuse", "TooManyBlocks"]);

const COMMANDS = {
  /** Puts, reads, pins, removes and evicts at random, for ever or `rounds` times. Every block read is whole. */
  churn({ seed, rounds = Infinity, names = 24, most = cellBytes, ends = true }) {
    let random = seed >>> 0;
    const next = (n) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 2 ** 32) * n);
    };
    const task = 100 + ledger.worker;
    const pinned = [];
    const held = [0, 0];
    const done = { puts: 0, reads: 0, fromOthers: 0, refused: 0, evictions: 0, torn: [] };
    const whole = (name, bytes) => {
      done.reads += 1;
      if (bytes.length > 1 && bytes[1] !== ledger.worker) done.fromOthers += 1;
      // All but the first two bytes tell the length; the second its writer; the first the name.
      const tells = bytes.length & 0xff;
      const bad = bytes.findIndex((byte, at) => byte !== (at === 0 ? name & 0xff : at === 1 ? bytes[1] : tells));
      if (bad !== -1)
        done.torn.push(`block ${name} of ${bytes.length} bytes by ${bytes[1]}: byte ${bad} is ${bytes[bad]}`);
    };
    const idOf = (name) => (name % 2 === 0 ? `rdd_${name % 5}_${name}` : `block ${name}`);
    for (let i = 0; i < rounds; i += 1) {
      const name = next(names);
      const mode = next(2);
      try {
        switch (next(10)) {
          case 0:
          case 1:
          case 2: {
            const bytes = new Uint8Array(next(most + 1));
            bytes.fill(bytes.length & 0xff);
            bytes[1] = ledger.worker;
            bytes[0] = name;
            if (store.put(idOf(name), bytes, mode, disk !== null && next(2) === 0 ? "disk" : "gone")) done.puts += 1;
            break;
          }
          case 3:
          case 4: {
            const bytes = store.read(idOf(name));
            if (bytes !== null) whole(name, bytes);
            break;
          }
          case 5:
            if (pinned.length < 4) {
              store.pin(idOf(name));
              pinned.push(name);
              whole(name, store.get(idOf(name)));
            }
            break;
          case 6:
            if (pinned.length > 0) {
              const again = pinned.pop();
              whole(again, store.get(idOf(again)));
              store.unpin(idOf(again));
            }
            break;
          case 7:
            if (next(3) === 0) store.remove(idOf(name));
            else store.getSize(idOf(name));
            break;
          case 8: {
            const granted = manager.acquireExecution(1 + next(most), task, mode);
            if (granted < 0) manager.giveUpExecution();
            else held[mode] += granted;
            break;
          }
          default:
            if (next(2) === 0) {
              if (store.reserveUnroll("u", next(most), mode, task)) store.releaseUnroll(next(most), mode, task);
            } else {
              held[mode] -= manager.releaseExecution(held[mode], task, mode);
            }
        }
      } catch (error) {
        if (!REFUSED.has(error.name)) throw error;
        done.refused += 1;
      }
    }
    if (ends) {
      for (const name of pinned) store.unpin(idOf(name));
      store.endTask(task);
      manager.releaseAllExecution(task);
    }
    done.evictions = store.evictions;
    return done;
  },
  /** Acquires and releases for a while; how often, and how long the longest pair took, milliseconds. */
  pairs({ forMs, mode }) {
    let pairs = 0;
    let longestMs = 0;
    let now = performance.now();
    for (const end = now + forMs; now < end; pairs += 1) {
      manager.acquireExecution(1, ledger.worker, mode);
      manager.releaseExecution(1, ledger.worker, mode);
      const then = performance.now();
      longestMs = Math.max(longestMs, then - now);
      now = then;
    }
    return { pairs, longestMs };
  },
  check: () => [...store.blocks(0), ...store.blocks(1)],
  put: ({ block, bytes, mode, fate }) => store.put(block, new Uint8Array(bytes).fill(bytes & 0xff), mode, fate),
  pin: ({ block }) => store.pin(block),
  /** Evicts through a handler that never returns. */
  dieInHandler: ({ bytes }) => {
    store.onEvict = stay;
    store.put("of the dead", new Uint8Array(bytes));
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
    parentPort.postMessage({ id, error: { name: error.name, message: `${error.message}\n${error.stack}` } });
  }
});
parentPort.postMessage({ here: true });
