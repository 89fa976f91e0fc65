// Whole lives of workers in one executor: memory, pages, blocks, the end of a task, leaving. One may die before each of its
// steps, in the accounts, the table or the arena; another does the same as it; the last one buries it.

import { POOLS, workerOf } from "./executor-ground.js";
import type { Operation, Scenario } from "./worker/program.js";

const KIB = 1024;

const acquire = (task: number, bytes: number, mode: 0 | 1 = 0): Operation => ({ does: "acquire", bytes, task, mode });
const page = (task: number, bytes: number): Operation => ({ does: "page", bytes, task });
const freePage = (task: number): Operation => ({ does: "freePage", task });
const lend = (passed: number, bytes: number): Operation => ({ does: "lend", passed, bytes });
const freeLent = (passed: number): Operation => ({ does: "freeLent", passed });
const hand = (passed: number, bytes: number, to: number): Operation => ({
  does: "hand",
  passed,
  bytes,
  to: workerOf(to),
});
const receive = (passed: number, bytes: number): Operation => ({ does: "receive", passed, bytes });
const putBlock = (block: number, bytes: number, mode: 0 | 1 = 1): Operation => ({
  does: "putBlock",
  block,
  bytes,
  mode,
});
const unroll = (block: number, bytes: number): Operation => ({ does: "unroll", block, bytes, mode: 0 });
const pin = (block: number): Operation => ({ does: "pin", block });
const unpin = (block: number): Operation => ({ does: "unpin", block });
const readBlock = (block: number): Operation => ({ does: "readBlock", block });
const removeBlock = (block: number): Operation => ({ does: "removeBlock", block });
const endTask = (task: number): Operation => ({ does: "endTask", task });
const leave: Operation = { does: "leave" };
const comeAgain: Operation = { does: "comeAgain" };
const die: Operation = { does: "die", bytes: 0, task: 0 };
const bury: readonly Operation[] = [{ does: "recover" }];

/** All that a worker does, for a task and a block of its own. */
const life = (task: number, block: number): Operation[] => [
  acquire(task, 3 * KIB),
  page(task, 8 * KIB),
  freePage(task),
  page(task, 8 * KIB),
  putBlock(block, 700),
  pin(block),
  readBlock(block),
  unpin(block),
  removeBlock(block),
  putBlock(block, 300),
  endTask(task),
  leave,
];

/** Worker 0 may die before any step of its own, as in DEATHS; nobody waits, so that there are few schedules to each death. */
export const LIVES: readonly Scenario[] = [
  {
    name: "pages of the dead",
    pools: POOLS,
    programs: [[page(10, 8 * KIB), lend(0, 4 * KIB), freePage(10)], [page(11, 4 * KIB), freeLent(0)], bury],
  },
  {
    name: "a page of the dead freed while it is buried",
    pools: POOLS,
    programs: [[lend(0, 4 * KIB), die], [freeLent(0)], bury],
  },
  {
    name: "one leaves while the dead is buried",
    pools: POOLS,
    programs: [[page(10, 4 * KIB)], [page(11, 4 * KIB), freePage(11), leave], bury],
  },
  {
    name: "pages handed over",
    pools: POOLS,
    programs: [[hand(0, 4 * KIB, 1), page(10, 4 * KIB)], [hand(1, 2 * KIB, 0), receive(0, 4 * KIB)], bury],
  },
  {
    name: "a page of the dead in the way of a put",
    pools: POOLS,
    programs: [[page(10, 4 * KIB), freePage(10)], [putBlock(1, 700)], bury],
  },
  {
    name: "a place of the dead given to another",
    pools: POOLS,
    programs: [[lend(0, 4 * KIB), leave, die], [leave, comeAgain, page(11, 4 * KIB)], bury],
  },
  {
    name: "a block of the dead",
    pools: POOLS,
    before: [putBlock(7, 100)],
    programs: [[putBlock(0, 700), pin(7)], [readBlock(0), removeBlock(7)], bury],
  },
  {
    name: "an unrolling by the dead",
    pools: POOLS,
    programs: [[unroll(0, 10 * KIB), acquire(10, 2 * KIB)], [putBlock(1, 700, 0)], bury],
  },
  {
    name: "an eviction by the dead",
    pools: POOLS,
    before: [putBlock(6, 30 * KIB), putBlock(7, 30 * KIB)],
    programs: [[putBlock(0, 40 * KIB)], [readBlock(7), pin(6), unpin(6)], bury],
  },
  {
    name: "a whole life",
    pools: POOLS,
    programs: [life(10, 0), life(11, 1), bury],
  },
];

/** Whether there are few enough schedules to each death to allow a preemption besides. */
export function isShort({ programs }: Scenario): boolean {
  return programs.every((program) => program.length < 4);
}

/** Two workers take and free pages at once. */
export const PAGES: readonly Scenario[] = [
  {
    name: "page free against page take",
    pools: POOLS,
    programs: [
      [page(10, 8 * KIB), freePage(10), page(10, 8 * KIB)],
      [page(11, 8 * KIB), freePage(11), page(11, 4 * KIB)],
    ],
  },
  {
    name: "page free against a take that needs all caches",
    pools: POOLS,
    before: [putBlock(7, 30 * KIB, 0)],
    programs: [[page(10, 20 * KIB), freePage(10), page(10, 20 * KIB)], [page(11, 20 * KIB)]],
  },
  {
    name: "two pages freed against a take that needs all caches",
    pools: POOLS,
    before: [putBlock(7, 30 * KIB, 0)],
    programs: [
      [page(10, 10 * KIB), page(10, 10 * KIB), freePage(10), freePage(10), page(10, 10 * KIB), page(10, 10 * KIB)],
      [page(11, 20 * KIB)],
    ],
  },
  {
    name: "one frees what another has taken, both at once",
    pools: POOLS,
    programs: [
      [lend(0, 4 * KIB), page(10, 4 * KIB)],
      [page(11, 4 * KIB), freeLent(0), page(11, 4 * KIB)],
    ],
  },
  {
    name: "two free the same page",
    pools: POOLS,
    programs: [
      [lend(0, 4 * KIB), freeLent(0)],
      [page(11, 8 * KIB), freeLent(0)],
    ],
  },
];

/** A random life of two workers, of which the first may die at any step, and one that buries it. */
export function randomLives(random: () => number, name: string): Scenario {
  const below = (n: number): number => Math.floor(random() * n);
  const some = (task: number, block: number): Operation => {
    const bytes = [700, 10 * KIB, 40 * KIB][below(3)]!;
    return [
      () => acquire(task, 1 + below(2 * KIB), below(2) as 0 | 1),
      () => page(task, 4 * KIB),
      () => freePage(task),
      () => putBlock(block, bytes, below(2) as 0 | 1),
      () => unroll(block, 1 + below(KIB)),
      () => readBlock(block),
      () => pin(block),
      () => unpin(block),
      () => removeBlock(block),
    ][below(9)]!();
  };
  const one = (task: number): Operation[] => [
    ...Array.from({ length: 3 + below(5) }, () => some(task, below(4))),
    ...(below(3) === 0 ? [leave] : []),
  ];
  const before = Array.from({ length: below(3) }, (_, block) => putBlock(block, 20 * KIB, below(2) as 0 | 1));
  return { name, pools: POOLS, before, programs: [one(10), one(11), bury] };
}
