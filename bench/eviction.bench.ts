// One acquire of execution memory that has to empty the whole store. What a block costs on the way out must not depend on
// how many there are.

import { type Bench, type Case, NS_PER_BLOCK, OURS, type Outcome, parameter, type Settings, whole } from "./harness.js";
import { fold, hex } from "./hash.js";
import { MemoryManager } from "../src/memory/manager.js";
import { ON_HEAP } from "../src/memory/mode.js";
import { unified } from "../src/policy/unified.js";
import { rddBlock } from "../src/storage/block.js";
import { heapBytes } from "../src/storage/bytes.js";
import { BlockStore } from "../src/storage/store.js";

const BLOCK_BYTES = 64;
const MOST_APART = 3;

export const eviction: Bench = {
  name: "eviction",
  about:
    "A store of N blocks of 64 bytes that execution memory may take back: one acquireExecution of the whole region evicts them all. " +
    "Only that call is timed; a round repeats it, filling the store again untimed, until a million blocks have left.",
  cases: (settings) =>
    parameter(settings, [10, 100], [1e3, 1e4, 1e5, 1e6]).map((blocks) => evictions(settings, blocks)),
  conclude: dearestToCheapest,
};

function evictions(settings: Settings, blocks: number): Case {
  const repeats = Math.max(1, parameter(settings, 100, 1e6, 1e5) / blocks);
  return {
    name: `${blocks.toExponential().replace("+", "")} blocks`,
    unit: NS_PER_BLOCK,
    ours() {
      const total = blocks * BLOCK_BYTES;
      const content = new Uint8Array(BLOCK_BYTES);
      const manager = new MemoryManager({
        policy: unified,
        onHeap: { total, protectedStorage: 0, execution: total, storage: 0 },
        offHeap: { total: 0, protectedStorage: 0, execution: 0, storage: 0 },
      });
      const store = new BlockStore({ manager, keepers: [heapBytes(), null] });
      return whole(settings, "ours", OURS, () => {
        let ms = 0;
        let hash = 0;
        for (let i = 0; i < repeats; i += 1) {
          for (let rdd = 0; rdd < blocks; rdd += 1) store.put(rddBlock(rdd, 0), content);
          const before = store.evictions;
          const start = performance.now();
          const granted = manager.acquireExecution(total, 0, ON_HEAP);
          ms += performance.now() - start;
          hash = fold(fold(hash, granted), store.evictions - before);
          if (store.size !== 0) throw new Error(`${store.size} blocks are still there`);
          manager.releaseExecution(total, 0, ON_HEAP);
        }
        return { ops: blocks * repeats, seconds: ms / 1000, hash };
      });
    },
    peers: [],
  };
}

function dearestToCheapest(outcomes: readonly Outcome[]): Outcome {
  const rows = outcomes.map(({ row }) => row);
  const costs = rows.map(({ median }) => median);
  const apart = Number((Math.max(...costs) / Math.min(...costs)).toPrecision(4));
  const [first] = outcomes as [Outcome];
  return {
    ...first,
    row: {
      ...first.row,
      case: "dearest / cheapest",
      median: apart,
      min: apart,
      max: apart,
      unit: "x",
      rounds: Math.min(...rows.map(({ rounds }) => rounds)),
      load: rows.some(({ load }) => load === null) ? null : Math.max(...rows.map(({ load }) => load!)),
      hash: hex(rows.reduce((hash, row) => fold(hash, Number.parseInt(row.hash, 16)), 0)),
    },
    goal: { text: `<= ${MOST_APART} x`, reached: apart <= MOST_APART },
    discarded: outcomes.reduce((n, { discarded }) => n + discarded, 0),
    disturbed: outcomes.some(({ disturbed }) => disturbed),
  };
}
