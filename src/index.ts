// The public names of `tungsten-memory`, by room. Nothing here needs Node; what does has an entry of its own
// (`tungsten-memory/spill`).

// The front door: a Spark configuration in, a wired executor out.
export { Executor, type ExecutorOptions, openExecutor } from "./executor.js";
export { VERSION } from "./generated/version.js";

// Trouble: refusals are answers to the user, a failed assertion is a bug.
export { AssertionError, Refusal } from "./fault.js";

// Config: Spark's keys, what they make of an executor's memory, and what in them is probably not meant.
export { type ByteUnit, parseBytes } from "./config/bytes.js";
export { type Cluster, type ContainerLayout, containerLayout, type ContainerOptions } from "./config/container.js";
export { BadValue } from "./config/java.js";
export { checkKeys, type Conf, ConfigError, KEY_NAMES, type KeyName, readConf } from "./config/keys.js";
export {
  type Collector,
  executorNumbers,
  type ExecutorNumbers,
  type LayoutOptions,
  type ManagerName,
  type MemoryLayout,
  memoryLayout,
  type ModeLayout,
  type ModeNumbers,
} from "./config/layout.js";
export { keyNotices, layoutNotices, type Notice, type NoticeCode } from "./config/notices.js";
export { DEFAULT_GENERATION, type Generation, GENERATIONS } from "./config/release.js";
export { parseTime, type TimeUnit } from "./config/time.js";
export {
  attachExecutor,
  type Exiting,
  type Place,
  SharedExecutor,
  shareExecutor,
  type SharedOptions,
  whyNotShared,
  type WorkerOptions,
} from "./shared.js";
export { buryWhenGone, holdPlace } from "./web-supervisor.js";
export { humanBytes } from "./human.js";

// Policy: who gets it. A policy is an opinion: a view in, a number out.
export { arbitrated } from "./policy/arbitrated.js";
export { fair } from "./policy/fair.js";
export { greedy } from "./policy/greedy.js";
export { none } from "./policy/none.js";
export {
  BrokenLaw,
  type Claim,
  divide,
  MUST_WAIT,
  NOBODY,
  type Policy,
  type Question,
  REFUSE,
  type RegionView,
  type StoragePurpose,
  type TaskView,
} from "./policy/policy.js";
export {
  type Named,
  POLICIES,
  type PolicyChoice,
  type PolicyContext,
  policyNamed,
  SPILL_ORDERS,
  spillOrderNamed,
  UnknownName,
} from "./policy/registry.js";
export { fairShare, storageShortfall } from "./policy/share.js";
export { slotsPolicy } from "./policy/slots.js";
export { staticPolicy } from "./policy/static.js";
export { unified } from "./policy/unified.js";
export { unifiedFair } from "./policy/unified-fair.js";
export {
  type Candidate,
  cheapestToWrite,
  largestFirst,
  leastRecentlyUsed,
  roundRobin,
  sparkSpillOrder,
  type SpillFacts,
  type SpillOrder,
} from "./policy/victim.js";

// Memory: what there is. Modes, accounts, waits, and pages on the heap and off it.
export { encodeAddress, encodeSparkAddress, MAX_PAGES, offsetOf, pageOf } from "./memory/address.js";
export { accountPages } from "./memory/account-pages.js";
export {
  Arena,
  ArenaError,
  type ArenaErrorReason,
  type ArenaMemories,
  type ArenaOptions,
  type ArenaStats,
  MAX_ARENA_BYTES,
} from "./memory/arena.js";
export { type Recovered, type RecoverOptions } from "./memory/crew.js";
export { ArenaSet, type ArenaSetOptions, createArenas } from "./memory/arena-set.js";
export { AsyncWaits, type WaitOptions } from "./memory/async.js";
export { audit, type Auditable } from "./memory/audit.js";
export { DebugPages, type DebugOptions } from "./memory/debug.js";
export { HeapPool, type HeapPoolOptions, type HeapPoolStats } from "./memory/heap.js";
export { AccountsError, type AccountsErrorReason, MAX_WORKERS } from "./memory/accounts-map.js";
export { InvalidTask, type Ledger } from "./memory/ledger.js";
export type { Tenant } from "./memory/places.js";
export { type Estate, SharedLedger } from "./memory/shared-ledger.js";
export { TooManyTasks } from "./memory/task-slots.js";
export {
  EntryLost,
  type Evictor,
  InvalidRequest,
  MemoryManager,
  type ManagerObserver,
  type ManagerOptions,
  Region,
  type RegionSizes,
} from "./memory/manager.js";
export { type Mode, modeName, type ModeName, OFF_HEAP, ON_HEAP } from "./memory/mode.js";
export { type CrewPages, Page, type PageAllocator } from "./memory/page.js";
export { PageError, type PageFault } from "./memory/page-error.js";
export {
  pollUnmanaged,
  UNMANAGED_GONE,
  type UnmanagedConsumer,
  type UnmanagedKey,
  UnmanagedMemory,
  unmanagedMemory,
} from "./memory/unmanaged.js";
export { Views } from "./memory/views.js";
export { MemoryBusy, type Request, type Runner, runNow, Step, WaitEnded, WaitList, WouldWait } from "./memory/wait.js";

// Execution: who uses it. Tasks, their consumers, the sorters, the hash map, sums, and what is told when memory cannot be
// had.
export { type CollectionOptions, ObjectCollection } from "./execution/collection.js";
export { Consumer, type ConsumerOptions } from "./execution/consumer.js";
export { HashMap, type HashMapOptions, type KeyHash } from "./execution/hash-map.js";
export type { MapRecords } from "./execution/map-records.js";
export { byMapKey } from "./execution/map-sort.js";
export type { MapRecord } from "./execution/map-table.js";
export {
  type Holder,
  MAX_PAGE_BYTES,
  MemoryLeak,
  Misuse,
  PageTableFull,
  type Shortage,
  TaskOutOfMemory,
  TooLargePage,
} from "./execution/refusal.js";
export type { RowComparator } from "./execution/rows.js";
export type { ShuffleRows } from "./execution/shuffle-rows.js";
export { type ShuffleMetrics, ShuffleSorter, type ShuffleSorterOptions } from "./execution/shuffle-sorter.js";
export type { SortedRows } from "./execution/sorted-rows.js";
export { Sorter } from "./execution/sorter.js";
export type { SorterMetrics, SorterOptions } from "./execution/sorter-options.js";
export { type SumGroups, Sums, type SumsOptions } from "./execution/sums.js";
export { type Leak, type SpillObserver, TaskMemoryManager, type TaskOptions } from "./execution/task.js";
export type { Run, RunReader, RunSchema, RunWriter, SpillCounters, SpillStore } from "./spill/contract.js";

// Storage: who keeps it. Cached blocks by level, their unrolling, their locks and their eviction.
export { type BlockId, rddBlock } from "./storage/block.js";
export { BlockManager, type BlockManagerOptions, type BlockStatus, type GotOrPut } from "./storage/block-manager.js";
export { arenaBytes, type BlockArena } from "./storage/arena-bytes.js";
export { type BytesKeeper, heapBytes, NO_PLACE, pageBytes } from "./storage/bytes.js";
export { ByteChunks, type ByteSink, type RecordCodec, type RecordWriter } from "./storage/codec.js";
export { MemoryDisk, type StreamDisk } from "./storage/disk.js";
export { InvalidLevel, levelFlags, levelOf, LEVELS, type StorageLevel } from "./storage/level.js";
export { BlockLocked, NO_TASK, PinLeak } from "./storage/locks.js";
export { type BlockBytesRead, BlockRead } from "./storage/read.js";
export { type StorageRules, storageRules } from "./storage/rules.js";
export { javaArrayBytes, javaSizeOf, type SelfSized, type SizeOf, SizeUnknown } from "./storage/size.js";
export {
  type BlockDisk,
  BlockExists,
  BlockMisuse,
  type BlockOwner,
  BlockStore,
  DeserializedRefused,
  type Fate,
  type StoreOptions,
  type StoreWatcher,
  TooManyBlocks,
} from "./storage/store.js";
export { NAME_UNITS, NameTooLong, SharedTable, TableError } from "./storage/shared-table.js";
export type { BlockTable } from "./storage/table.js";
export { putRecords, putValues, type UnrollOptions, type ValuesOptions } from "./storage/unroll.js";
export { HandleUsed, type Reservation, TaskInterrupted, UnrolledBytes, UnrolledValues } from "./storage/unrolled.js";
export { type VectorBytes } from "./storage/vector.js";
export type { EvictionChoice } from "./storage/victims.js";

// Trace: what happened. Rows of a recorded trace, their replay on an executor, and the recording of one's own run.
export {
  type Effects,
  type Op,
  readHeader,
  readRow,
  type Row,
  type State,
  type TraceHeader,
  Undeclared,
} from "./trace/format.js";
export { type LineSink, Recorder } from "./trace/recorder.js";
export { type Answer, OutOfTurn, Replay, type ReplayHeader, type Resumed } from "./trace/replay.js";
export { Unreadable } from "./trace/source.js";
