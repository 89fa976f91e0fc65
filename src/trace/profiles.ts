// Kinds of generated traces, each with a question of its own: what is asked how often, of an executor of which sizes. A list
// of values means that the seed chooses one.

import type { ManagerName } from "../config/layout.js";
import type { OnSpill, Op } from "./format.js";

export interface Profile {
  readonly about: string;
  readonly manager: ManagerName;
  readonly cores: readonly number[];
  /** Most tasks of each kind: those that ask the manager themselves, and those with consumers. */
  readonly tasks: number;
  /** Most consumers a task has. */
  readonly consumers: number;
  /** Share of requests for off-heap memory. */
  readonly offHeapShare: number;
  /** Most blocks pinned at a time. */
  readonly pins: number;
  readonly onSpill: readonly OnSpill[];
  /** Spark keys; null leaves a key out. */
  readonly conf: Readonly<Record<string, readonly (string | null)[]>>;
  /** How often each op is tried. */
  readonly weights: Readonly<Partial<Record<Op["op"], number>>>;
  /** Bounds in bytes: of a block, of what a release gives back at once, of a page. */
  readonly mostBlock?: number;
  readonly mostReleased?: number;
  readonly mostPage?: number;
  /** Most requests that wait at a time, 1 when left out. More only where storage has nothing to give. */
  readonly waiters?: number;
  /** Whether a task gives back while its own request waits, so that the request may lose its entry. */
  readonly ownReleases?: true;
}

const UNRESERVED = { "spark.testing.reservedMemory": ["0"] } as const;
const ON_HEAP_PAGES = { "spark.memory.offHeap.enabled": ["false"] } as const;

const CONSUMERS: Profile = {
  about: "task memory managers whose consumers spill in different ways, beside cached blocks",
  manager: "unified",
  cores: [2, 4],
  tasks: 4,
  consumers: 6,
  offHeapShare: 0.3,
  pins: 3,
  onSpill: ["all", "asked", "half", "nothing", "others"],
  conf: {
    "spark.testing.memory": ["1000", "10007", "4096"],
    ...UNRESERVED,
    "spark.memory.fraction": ["1.0", "0.6"],
    "spark.memory.storageFraction": ["0.5", "0.2"],
    "spark.memory.offHeap.size": ["1000", "6001"],
    "spark.memory.offHeap.enabled": ["false", "true"],
  },
  weights: {
    consumer: 3,
    acquire: 12,
    free: 4,
    endTask: 0.4,
    put: 2,
    get: 1,
    pin: 0.5,
    unpin: 0.5,
    remove: 0.3,
    execAcquire: 1,
    execRelease: 1,
    execReleaseAll: 0.3,
  },
};

export const PROFILES: Readonly<Record<string, Profile>> = {
  execution: {
    about: "many tasks against one execution pool, no storage: grants, floors, caps, waits",
    manager: "unified",
    cores: [1, 4, 8],
    tasks: 6,
    consumers: 0,
    offHeapShare: 0,
    pins: 0,
    onSpill: [],
    conf: {
      "spark.testing.memory": ["1000", "1001", "997", "1000000", "6442450944"],
      ...UNRESERVED,
      "spark.memory.fraction": ["1.0", "0.6", "0.9999"],
      "spark.memory.storageFraction": ["0.5", "0", "0.3", "0.57"],
    },
    weights: { execAcquire: 10, execRelease: 6, execReleaseAll: 1 },
  },
  mixed: {
    about: "execution against cached blocks, unroll and raw storage in both modes: borrowing, eviction, pins",
    manager: "unified",
    cores: [2, 4],
    tasks: 5,
    consumers: 0,
    offHeapShare: 0.35,
    pins: 5,
    onSpill: [],
    conf: {
      "spark.testing.memory": ["1000", "4099", "1000000", "8589934592"],
      "spark.testing.reservedMemory": ["0", null],
      "spark.testing": ["1"],
      "spark.memory.fraction": ["1.0", "0.6", "0.75"],
      "spark.memory.storageFraction": ["0.5", "0.1", "0.9"],
      "spark.memory.offHeap.size": ["0", "777", "1000000", "4g"],
      ...ON_HEAP_PAGES,
    },
    weights: {
      execAcquire: 8,
      execRelease: 5,
      execReleaseAll: 1,
      storageAcquire: 1,
      storageRelease: 1,
      unrollReserve: 2,
      unrollRelease: 2,
      put: 8,
      get: 4,
      has: 1,
      pin: 2,
      unpin: 2,
      remove: 1,
    },
  },
  waiting: {
    about: "long waits: memory comes back in small parts while blocks come and go, so that a waiter looks often",
    manager: "unified",
    cores: [2, 4],
    tasks: 4,
    consumers: 4,
    offHeapShare: 0.2,
    pins: 4,
    onSpill: ["all", "half", "nothing", "others"],
    conf: {
      "spark.testing.memory": ["1000", "4099"],
      ...UNRESERVED,
      "spark.memory.fraction": ["1.0", "0.6"],
      "spark.memory.storageFraction": ["0", "0.1", "0.3"],
      "spark.memory.offHeap.size": ["777", "1000"],
      ...ON_HEAP_PAGES,
    },
    weights: {
      execAcquire: 5,
      execRelease: 7,
      execReleaseAll: 0.1,
      consumer: 0.5,
      acquire: 3,
      free: 3,
      endTask: 0.1,
      put: 9,
      get: 2,
      pin: 1,
      unpin: 1,
      remove: 2,
      storageAcquire: 0.3,
      storageRelease: 0.5,
      unrollReserve: 1,
      unrollRelease: 1,
    },
    mostBlock: 80,
    mostReleased: 60,
  },
  consumers: CONSUMERS,
  failures: {
    ...CONSUMERS,
    about: "consumers of which some fail while they spill: bytes already granted stay charged to the task",
    onSpill: ["all", "half", "asked", "fail", "nothing", "others"],
  },
  pages: {
    about: "pages on both sides: page numbers, page sizes, spilling by page, leaks at the end of a task",
    manager: "unified",
    cores: [2, 4, 8],
    tasks: 3,
    consumers: 4,
    offHeapShare: 0,
    pins: 4,
    onSpill: ["pages", "pages", "all", "others", "half", "fail"],
    conf: {
      "spark.testing.memory": ["8000000", "33554432", "50000017"],
      ...UNRESERVED,
      "spark.memory.fraction": ["0.6", "1.0"],
      "spark.memory.storageFraction": ["0.5", "0.1"],
      "spark.memory.offHeap.size": ["16777216", "30000001"],
      "spark.memory.offHeap.enabled": ["true", "false"],
      "spark.buffer.pageSize": ["4096", "64k", "100000", null],
    },
    weights: {
      consumer: 2,
      acquire: 1,
      free: 1,
      allocatePage: 12,
      freePage: 5,
      endTask: 0.2,
      put: 1.5,
      get: 0.5,
      remove: 0.2,
      execAcquire: 0.6,
      execRelease: 0.4,
      execReleaseAll: 0.2,
    },
    mostPage: 2 ** 20,
  },
  executor: {
    about: "real sizes and default fractions: an executor of 1 to 64 GB with cached blocks and tasks",
    manager: "unified",
    cores: [2, 4, 8, 16],
    tasks: 8,
    consumers: 5,
    offHeapShare: 0.2,
    pins: 4,
    onSpill: ["all", "half", "others"],
    conf: {
      "spark.testing.memory": ["1073741824", "4294967296", "8589934592", "68719476736"],
      "spark.memory.offHeap.size": ["0", "1g", "16g"],
      ...ON_HEAP_PAGES,
      "spark.executor.memory": [null, "4g"],
    },
    weights: {
      consumer: 2,
      acquire: 8,
      free: 4,
      endTask: 0.4,
      put: 5,
      get: 3,
      pin: 0.6,
      unpin: 0.6,
      remove: 0.4,
      unrollReserve: 1,
      unrollRelease: 1,
      execAcquire: 3,
      execRelease: 2,
      execReleaseAll: 0.5,
    },
    mostBlock: 3e8,
  },
  static: {
    about: "the static manager of 2.4: fixed regions, eviction bounded for unrolling",
    manager: "static",
    cores: [2, 4],
    tasks: 5,
    consumers: 4,
    offHeapShare: 0.15,
    pins: 3,
    onSpill: ["all", "half", "others"],
    conf: {
      "spark.testing.memory": ["40000000", "1073741824", "4294967296"],
      "spark.storage.memoryFraction": ["0.6", "0.4"],
      "spark.storage.unrollFraction": ["0.2", "0.5"],
      "spark.shuffle.memoryFraction": ["0.2", "0.4"],
      "spark.memory.offHeap.size": ["0", "50000000"],
    },
    weights: {
      consumer: 2,
      acquire: 6,
      free: 3,
      endTask: 0.3,
      execAcquire: 4,
      execRelease: 3,
      execReleaseAll: 0.5,
      unrollReserve: 3,
      unrollRelease: 2,
      put: 7,
      get: 3,
      pin: 1,
      unpin: 1,
      remove: 0.5,
      storageAcquire: 1,
      storageRelease: 1,
    },
  },
  tiny: {
    about: "pools of a few bytes, many tasks: floors of 0, tasks that hold nothing and still count, exact fits",
    manager: "unified",
    cores: [1, 2],
    tasks: 9,
    consumers: 4,
    offHeapShare: 0.4,
    pins: 3,
    onSpill: ["all", "asked", "half", "nothing", "others"],
    conf: {
      "spark.testing.memory": ["6", "9", "15", "100"],
      ...UNRESERVED,
      "spark.memory.fraction": ["1.0", "0.29", "0.57"],
      "spark.memory.storageFraction": ["0.5", "0", "0.29"],
      "spark.memory.offHeap.size": ["3", "7", "100"],
      ...ON_HEAP_PAGES,
    },
    weights: {
      execAcquire: 8,
      execRelease: 3,
      execReleaseAll: 0.5,
      consumer: 1,
      acquire: 4,
      free: 2,
      endTask: 0.3,
      put: 5,
      get: 2,
      has: 1,
      pin: 0.5,
      unpin: 0.5,
      remove: 0.5,
      storageAcquire: 0.5,
      storageRelease: 0.5,
      unrollReserve: 0.5,
      unrollRelease: 0.5,
    },
  },
};

/** Profiles that go beyond version 1 of the format: interrupts, and several requests that wait. */
export const EXTENDED_PROFILES: Readonly<Record<string, Profile>> = {
  interrupts: {
    ...PROFILES["waiting"]!,
    about: "waiters that are interrupted, or whose task gives back what it holds while it waits",
    weights: { ...PROFILES["waiting"]!.weights, interrupt: 2 },
    ownReleases: true,
  },
  crowd: {
    ...PROFILES["execution"]!,
    about: "up to four waiters in both modes, in states in which the order of their looks cannot matter",
    tasks: 7,
    offHeapShare: 0.4,
    conf: {
      "spark.testing.memory": ["1000", "1001", "997", "12", "1000000", "6442450944"],
      ...UNRESERVED,
      "spark.memory.fraction": ["1.0", "0.6", "0.9999"],
      "spark.memory.storageFraction": ["0"],
      "spark.memory.offHeap.size": ["777", "1000", "9", "1g"],
      ...ON_HEAP_PAGES,
    },
    weights: { execAcquire: 10, execRelease: 5, execReleaseAll: 0.7, interrupt: 0.7 },
    waiters: 4,
    ownReleases: true,
  },
};

export const PROFILE_NAMES: readonly string[] = Object.keys(PROFILES);
