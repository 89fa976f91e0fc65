// Whole executors to stand on: accounts, blocks and pages of one shared executor, as a front door makes it. What a run leaves
// is held against what those who live have been answered: every byte and page is theirs, or a block's, or free.

import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { attachExecutor, shareExecutor } from "../../src/shared.js";
import type { SharedArenas } from "../../src/shared-arenas.js";
import { NO_PLACE } from "../../src/storage/bytes.js";
import { SharedTable } from "../../src/storage/shared-table.js";
import { NONE } from "../../src/storage/table.js";
import type { Outcome, Stage } from "./crew.js";
import { type Ground, historyKey, type Judge, LAYOUT, layoutOf } from "./ground.js";
import { type Belongings, HANDED, NOTHING, PASSED_PAGES } from "./worker/control.js";
import { Doer, fillOf } from "./worker/deeds.js";
import { Pages } from "./worker/page-laws.js";
import { type Pools, type Scenario, sizes } from "./worker/program.js";

const KIB = 1024;
const POOL_BYTES = 64 * KIB;

/** The executor's pools: half of each is storage that execution cannot take while it is used. */
export const POOLS: Pools = {
  onHeap: sizes(POOL_BYTES / 2, POOL_BYTES / 2),
  offHeap: sizes(POOL_BYTES / 2, POOL_BYTES / 2),
};

const CONF = {
  "spark.testing.memory": String(POOL_BYTES),
  "spark.testing.reservedMemory": "0",
  "spark.memory.fraction": "1.0",
  "spark.memory.offHeap.enabled": "true",
  "spark.memory.offHeap.size": String(POOL_BYTES),
  "spark.buffer.pageSize": "8k",
};

const PAGES_LAYOUT = layoutOf("assembly/map.ts", "assembly/crew.ts");

/** Who makes and inspects the executor is worker 1, what comes before a run does worker 2. */
const PREPARES = 2;
const FIRST = 3;
const RUNNERS = 4;

/** A run's workers, as the executor counts them. */
export const workerOf = (runner: number): number => FIRST + runner;

export function executorGround(): Ground {
  const executor = shareExecutor(
    { conf: CONF, cores: 1, tasks: 12, blocks: 8, workers: FIRST + RUNNERS - 1 },
    { patienceMs: 1 },
  );
  const place = executor.place();
  const [first] = Array.from({ length: RUNNERS }, () => executor.place());
  const { arenas, shared } = executor.allocator(OFF_HEAP) as SharedArenas;
  const arena = arenas[0]!;
  const { blocksPlace } = shared;
  const { map, data } = arena.memories;
  const memories = [place.accounts, map, data];
  const bytesNow = (): Uint8Array[] => memories.map(({ buffer }) => new Uint8Array(buffer).slice());
  const pristine = bytesNow();
  const table = SharedTable.attach(executor.ledger);
  const records = new Pages(map.buffer, PAGES_LAYOUT);

  let before: Belongings = NOTHING;
  const stage = (scenario: Scenario): Stage => {
    pristine.forEach((bytes, at) => new Uint8Array(memories[at]!.buffer).set(bytes));
    const prepares = new Doer(() => attachExecutor(place), new Int32Array(PASSED_PAGES));
    for (const operation of scenario.before ?? []) prepares.do(operation.does, operation);
    before = prepares.belongings();
    return { scenario, bytes: bytesNow() };
  };

  /** What is wrong with what a run has left. */
  const trouble = (outcome: Outcome): string | null => {
    const { history, died, belongings, passed } = outcome;
    if (outcome.trouble !== null) return outcome.trouble;
    if (history.asleep !== 0) return `worker ${31 - Math.clz32(history.asleep)} still waits`;
    // Who looks at all of them takes the lock itself.
    if (records.lockOwner !== 0) return `worker ${records.lockOwner} has the lock of the pages at rest`;
    const broken = executor.check();
    if (broken.length > 0) return broken.join("; ");
    arena.check();
    const living = belongings.map((each, runner) => ((died & (1 << runner)) === 0 ? each : NOTHING));
    for (let runner = 0; runner < living.length; runner += 1)
      if ((died & (1 << runner)) !== 0 && executor.ledger.isTenant({ worker: FIRST + runner, tenancy: 1 }))
        return `worker ${runner} is not buried`;
    const all = [before, ...living];
    return strayBytes(all) ?? strayPages(all, passed, died) ?? strayPins(all) ?? tornBlocks();
  };

  /** Execution bytes that those who live do not hold. */
  const strayBytes = (living: readonly Belongings[]): string | null => {
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const held = living.reduce((sum, { bytes }) => sum + bytes[mode], 0);
      const { executionUsed } = executor.manager.regions[mode];
      if (executionUsed !== held) return `execution uses ${executionUsed} bytes of mode ${mode}, ${held} are held`;
    }
    return null;
  };

  /** Pages of anybody but those who live and of blocks. */
  const strayPages = (living: readonly Belongings[], passed: readonly number[], died: number): string | null => {
    const all = new Set<number>();
    let bytes = 0;
    const heldBy = (worker: number): Set<number> => {
      const held = new Set<number>();
      arena.forEachHeld(worker, (handle) => {
        held.add(handle);
        all.add(handle);
        bytes += arena.bytesOf(handle);
      });
      return held;
    };
    // Those that were passed on and not taken; whoever has died may have been about to take one.
    const under = new Set(passed.filter((handle) => handle > 0).map((handle) => handle & ~HANDED));
    for (let worker = PREPARES; worker < blocksPlace; worker += 1) {
      const held = heldBy(worker);
      for (const { pages } of living.filter((each) => each.place === worker))
        for (const page of pages) if (!held.delete(page)) return `page ${page} of worker ${worker} is lost`;
      for (const page of held) if (!under.has(page)) return `page ${page} of worker ${worker} is nobody's`;
    }
    for (const page of under) if (died === 0 && !all.has(page)) return `page ${page} was passed on and is lost`;
    const kept = heldBy(blocksPlace);
    for (const mode of [ON_HEAP, OFF_HEAP] as const)
      for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot))
        if (table.place(slot) !== NO_PLACE && !kept.delete(table.place(slot)))
          return `the bytes of block ${table.idAt(slot)} are not there`;
    if (kept.size > 0) return `pages ${[...kept].join()} are those of no block`;
    if (arena.usedBytes !== bytes || arena.liveBlocks !== all.size)
      return `the arena counts ${arena.usedBytes} bytes in ${arena.liveBlocks} blocks, ${bytes} in ${all.size} are held`;
    return null;
  };

  /** Read locks of those who are gone. */
  const strayPins = (living: readonly Belongings[]): string | null => {
    const held = living.reduce((sum, { pins }) => sum + pins, 0);
    let found = 0;
    for (const mode of [ON_HEAP, OFF_HEAP] as const)
      executor.store.forEachBlock(mode, (_block, _bytes, pins) => (found += pins));
    return found === held && table.pinned === held
      ? null
      : `${found} read locks, ${table.pinned} counted, ${held} held`;
  };

  const tornBlocks = (): string | null => {
    for (const mode of [ON_HEAP, OFF_HEAP] as const)
      for (const block of executor.store.blocks(mode)) {
        const fill = fillOf(Number(block.slice(1)));
        if (executor.store.read(block)!.some((byte) => byte !== fill)) return `block ${block} is torn`;
      }
    return null;
  };

  return {
    memories,
    layouts: [LAYOUT, PAGES_LAYOUT],
    first: first!,
    stage,
    judge: () => new Inspector(trouble),
  };
}

class Inspector implements Judge {
  readonly #trouble: (outcome: Outcome) => string | null;
  readonly #seen = new Set<string>();

  constructor(trouble: (outcome: Outcome) => string | null) {
    this.#trouble = trouble;
  }

  get histories(): number {
    return this.#seen.size;
  }

  trouble(outcome: Outcome): string | null {
    this.#seen.add(historyKey(outcome));
    try {
      return this.#trouble(outcome);
    } catch (error) {
      return (error as Error).stack ?? String(error);
    }
  }
}
