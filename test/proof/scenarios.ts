// The small scenarios that matter for the shared accounts: two or three workers, a few calls each, all schedules of which are
// explored. Pools are in bytes, tasks are numbered after the worker that begins with them.

import { type Operation, type Scenario, sizes } from "./worker/program.js";

const NO_POOL = sizes(0);

const acquire = (task: number, bytes: number, mode: 0 | 1 = 0): Operation => ({ does: "acquire", bytes, task, mode });
const briefly = (task: number, bytes: number): Operation => ({ does: "acquire", bytes, task, waits: "briefly" });
const release = (task: number, bytes: number, mode: 0 | 1 = 0): Operation => ({ does: "release", bytes, task, mode });
const put = (bytes: number): Operation => ({ does: "put", bytes });
const drop = (bytes: number): Operation => ({ does: "drop", bytes });
const state: Operation = { does: "state" };
const settle: Operation = { does: "settle" };

const onHeap = (...of: Parameters<typeof sizes>) => ({ onHeap: sizes(...of), offHeap: NO_POOL });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "last bytes",
    pools: onHeap(20),
    before: [acquire(10, 8), acquire(11, 8)],
    programs: [[acquire(10, 2)], [acquire(11, 2), acquire(11, 2)]],
  },
  {
    name: "last bytes of one task in two workers",
    pools: onHeap(20),
    before: [acquire(10, 8)],
    programs: [
      [acquire(10, 7), release(10, 4)],
      [acquire(10, 7), release(10, 4)],
    ],
  },
  {
    name: "close against fast acquire",
    pools: onHeap(64, 16),
    before: [acquire(10, 4), acquire(11, 4)],
    programs: [
      [acquire(10, 3), acquire(10, 3)],
      [state, acquire(11, 20)],
    ],
  },
  {
    name: "close against fast release",
    pools: onHeap(64, 16),
    before: [acquire(10, 10), acquire(11, 10)],
    programs: [
      [release(10, 3), release(10, 2)],
      [acquire(11, 25), state],
    ],
  },
  {
    name: "release against wait",
    pools: onHeap(40),
    before: [acquire(10, 36), acquire(11, 1)],
    programs: [[release(10, 30)], [acquire(11, 12), release(11, 13)]],
  },
  {
    name: "release against a wait that may run out",
    pools: onHeap(40),
    before: [acquire(10, 36)],
    programs: [[release(10, 36)], [briefly(11, 12), { does: "releaseAll", task: 11 }]],
  },
  {
    name: "two wait for one release",
    pools: onHeap(60),
    before: [acquire(10, 58)],
    programs: [[release(10, 50)], [acquire(11, 12)], [acquire(12, 12)]],
  },
  {
    name: "entry of a new task against fast acquire",
    pools: onHeap(64),
    before: [acquire(10, 8)],
    programs: [
      [acquire(10, 20), acquire(10, 20)],
      [acquire(11, 40), acquire(11, 20)],
    ],
  },
  {
    name: "a newcomer wakes who waits",
    pools: onHeap(60),
    before: [acquire(10, 55), acquire(11, 1)],
    programs: [[acquire(11, 12)], [acquire(12, 2)]],
  },
  {
    name: "storage wakes nobody",
    pools: onHeap(40, 10),
    before: [acquire(10, 38), put(8)],
    programs: [[acquire(11, 12)], [drop(5), drop(3)]],
  },
  {
    name: "a protected block lowers what tasks share",
    pools: onHeap(40, 20, 20),
    before: [acquire(10, 2), acquire(11, 2)],
    programs: [[acquire(10, 25)], [put(15), acquire(11, 1)]],
  },
  {
    name: "entry of a new task wakes",
    pools: onHeap(60),
    before: [acquire(10, 55), acquire(11, 1)],
    programs: [[acquire(11, 12)], [acquire(12, 2)], [{ does: "release", bytes: 55, task: 10 }]],
  },
  {
    name: "release to zero and re-entry",
    pools: onHeap(64),
    before: [acquire(10, 8), acquire(11, 8)],
    programs: [
      [release(10, 8), acquire(10, 30), release(10, 30)],
      [acquire(11, 24), state],
    ],
  },
  {
    name: "release of nothing ends an entry",
    pools: onHeap(30),
    before: [acquire(10, 28), acquire(11, 2), briefly(12, 5)],
    programs: [
      [release(12, 0), acquire(12, 1)],
      [release(10, 20), state],
    ],
  },
  {
    name: "off-heap release against on-heap waiter",
    pools: { onHeap: sizes(40), offHeap: sizes(40) },
    before: [acquire(10, 36), acquire(10, 8, 1), acquire(11, 1)],
    programs: [[release(10, 4, 1), release(10, 4, 1)], [acquire(11, 12)]],
  },
  {
    name: "storage put against fast acquire",
    pools: onHeap(64, 16, 8),
    before: [acquire(10, 8)],
    programs: [
      [acquire(10, 10), acquire(10, 10), release(10, 25)],
      [put(30), drop(10)],
    ],
  },
  {
    name: "storage gives way to execution",
    pools: onHeap(30, 30, 10),
    before: [{ does: "put", bytes: 28 }, acquire(10, 20)],
    programs: [
      [acquire(10, 15), state],
      [acquire(11, 8), put(10)],
    ],
  },
  {
    name: "slow eviction against fast acquire and release",
    pools: { ...onHeap(30, 30, 10), slowEviction: true },
    before: [{ does: "put", bytes: 28 }, acquire(10, 20), acquire(11, 4)],
    programs: [[acquire(10, 15)], [acquire(11, 2), release(11, 3)]],
  },
  {
    name: "the end of a task against another's wait",
    pools: { onHeap: sizes(40), offHeap: sizes(20) },
    before: [acquire(10, 36), acquire(10, 8, 1), acquire(11, 1)],
    programs: [
      [
        { does: "releaseAll", task: 10 },
        { does: "taskEnded", task: 10 },
      ],
      [acquire(11, 12), state],
    ],
  },
  {
    name: "the end of a task against a look at both modes",
    pools: { onHeap: sizes(40), offHeap: sizes(20) },
    before: [acquire(10, 12), acquire(10, 8, 1)],
    programs: [[{ does: "releaseAll", task: 10 }], [{ does: "used" }, { does: "used" }]],
  },
  {
    name: "the slots of one worker go round",
    pools: onHeap(60),
    slots: 3,
    before: [acquire(10, 4)],
    programs: [
      [release(10, 4), acquire(10, 3)],
      [acquire(12, 4), acquire(13, 2), release(13, 2), acquire(14, 3), release(12, 4), acquire(13, 1)],
    ],
  },
  {
    name: "an eviction that is slow against another",
    pools: { ...onHeap(30, 30, 10), slowEviction: true },
    before: [put(28)],
    programs: [
      [acquire(10, 40), release(10, 40)],
      [put(20), state],
    ],
  },
  {
    name: "a slot goes to another task",
    pools: onHeap(40),
    slots: 2,
    before: [acquire(10, 4)],
    programs: [
      [acquire(11, 4), release(11, 4), { does: "taskEnded", task: 11 }],
      [release(10, 4), { does: "held", task: 10 }, acquire(10, 6)],
    ],
  },
  {
    name: "releases that others keep from being made",
    pools: { ...onHeap(30, 30, 10), slowEviction: true },
    before: [put(28), acquire(10, 26), acquire(11, 2)],
    programs: [
      [release(10, 8), release(10, 6), settle, state],
      [acquire(11, 12), state],
    ],
  },
  {
    name: "who sleeps for a moment only, and who sleeps on",
    pools: onHeap(60),
    before: [acquire(10, 40)],
    programs: [[release(10, 4), settle], [acquire(11, 8), state], [acquire(12, 6)]],
  },
];

/** Worker 0 may die before any step of its own; the last one buries it. Everybody else then comes to an end. */
export const MORTAL = 0;

/** Worker 0 buries worker 1, which dies in a decision, and may die of it; the last one buries both. */
export const DEATH_OF_A_BURIER: Scenario = {
  name: "death of who buries another",
  pools: onHeap(40, 10),
  programs: [
    [{ does: "recover" }],
    [acquire(11, 20), put(5), { does: "die", bytes: 10, task: 11 }],
    [acquire(12, 8), state, release(12, 8)],
    [{ does: "recover" }],
  ],
};

const bury: readonly Operation[] = [{ does: "recover" }];

export const DEATHS: readonly Scenario[] = [
  {
    name: "death in acquire and release",
    pools: onHeap(64, 16),
    programs: [
      [acquire(10, 8), acquire(10, 3), release(10, 5), acquire(10, 40), release(10, 46)],
      [acquire(11, 12), acquire(11, 8), release(11, 20), state],
      bury,
    ],
  },
  {
    name: "death of who has all that another waits for",
    pools: onHeap(40),
    // A release that wakes takes more steps than one that does not: as many as looks at the state have, to die at.
    programs: [[acquire(10, 38), release(10, 2), state, state, state], [acquire(11, 12), release(11, 12)], bury],
  },
  {
    name: "death of one who waits",
    pools: onHeap(40),
    before: [acquire(11, 38)],
    programs: [[acquire(10, 12), acquire(10, 4)], [release(11, 38), acquire(11, 40), state], bury],
  },
  {
    name: "death of who sleeps for the lock",
    pools: onHeap(40),
    programs: [[acquire(10, 4), state], [acquire(11, 4), state], [acquire(12, 4), state], bury],
  },
  {
    name: "death in storage",
    pools: onHeap(30, 30, 10),
    before: [put(20)],
    programs: [[put(10), acquire(10, 30), put(20), drop(5)], [acquire(11, 20), put(8), release(11, 20)], bury],
  },
  {
    name: "death in a slow eviction",
    pools: { ...onHeap(30, 30, 10), slowEviction: true },
    before: [put(28)],
    programs: [[acquire(10, 40), release(10, 40)], [acquire(11, 4), state, release(11, 4)], bury],
  },
  {
    name: "death in a slow eviction that was not enough",
    pools: { ...onHeap(30, 30, 10), slowEviction: true },
    before: [put(11), acquire(11, 49)],
    programs: [[acquire(10, 40)], [release(11, 30), acquire(12, 4), state], bury],
  },
  {
    name: "death in the end of a task",
    pools: { onHeap: sizes(40), offHeap: sizes(40) },
    slots: 3,
    programs: [
      [acquire(10, 38), acquire(10, 20, 1), { does: "releaseAll", task: 10 }, { does: "taskEnded", task: 10 }],
      [acquire(11, 12), acquire(12, 4)],
      bury,
    ],
  },
];
