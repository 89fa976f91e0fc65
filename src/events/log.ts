// An event log taken in event by event. What is kept does not grow with the log: sums, the greatest few, and what is alive.

import { Greatest } from "./bounded.js";
import { CachedBlocks, type CachedSummary } from "./cached.js";
import type { LogEvent, ProfileRequests, StageInfo, TaskEnd } from "./event.js";
import { Executors, type ExecutorKind } from "./executors.js";
import type { CacheRequests } from "./requests.js";

export interface Application {
  readonly id: string;
  readonly name: string;
  /** As the log says it; "" before 1.4, which did not. */
  readonly version: string;
  readonly startMs: number;
  /** Null: no event tells of the end, the application was running. */
  readonly endMs: number | null;
  readonly conf: Readonly<Record<string, string>>;
  readonly javaVersion: string;
  readonly vmName: string;
  /** What the driver's JVM was started with. */
  readonly command: string;
  readonly sql: boolean;
}

/** A stage attempt, in sums over its tasks. Bytes and milliseconds. */
export interface StageTotals {
  readonly stage: number;
  readonly attempt: number;
  readonly name: string;
  readonly partitions: number;
  readonly shuffled: boolean;
  tasks: number;
  failed: number;
  spilledTasks: number;
  memorySpilledBytes: number;
  diskSpilledBytes: number;
  peakTaskBytes: number;
  runMs: number;
  gcMs: number;
}

/** The task whose own peak and spilled bytes together are greatest among those that spilled. Bytes. */
export interface NeediestTask {
  readonly stage: number;
  readonly task: number;
  readonly executor: string;
  readonly partitions: number;
  readonly shuffled: boolean;
  readonly peakBytes: number;
  readonly memorySpilledBytes: number;
  readonly diskSpilledBytes: number;
  /** Peak and spilled bytes together: an upper bound of what it wanted at once. */
  readonly needBytes: number;
  /** Region and cores of its executor, null where the log does not tell. */
  readonly onHeapBytes: number | null;
  readonly cores: number | null;
}

export interface PeakTask {
  readonly stage: number;
  readonly task: number;
  readonly executor: string;
  readonly peakBytes: number;
}

export interface Totals {
  tasks: number;
  failed: number;
  /** Tasks that failed for want of memory. */
  outOfMemory: number;
  spilledTasks: number;
  memorySpilledBytes: number;
  diskSpilledBytes: number;
  peakOnHeapTaskBytes: number;
  peakOffHeapTaskBytes: number;
  runMs: number;
  gcMs: number;
  stages: number;
  jobs: number;
}

export interface LogSummary {
  readonly application: Application;
  readonly events: number;
  readonly profiles: ReadonlyMap<number, ProfileRequests>;
  readonly kinds: readonly ExecutorKind[];
  readonly mostExecutors: number;
  readonly totals: Readonly<Totals>;
  /** Stages that spilled most, or with the greatest task peaks where none spilled. */
  readonly stages: readonly StageTotals[];
  readonly neediest: NeediestTask | null;
  readonly peakTask: PeakTask | null;
  /** How executors were lost, as far as the reason speaks of memory: the first few. */
  readonly killed: readonly string[];
  readonly killedCount: number;
  readonly cached: CachedSummary;
}

const LISTED_STAGES = 10;
const MOST_OPEN_STAGES = 10_000;
const MOST_PROFILES = 1_000;
const LISTED_KILLS = 5;

const OUT_OF_MEMORY = /OutOfMemoryError|SparkOutOfMemory|UNABLE_TO_ACQUIRE_MEMORY|Unable to acquire \d+ bytes/;
const MEMORY_KILL = /memory limits|OOMKilled|exit code:? ?(?:137|143)|exited with (?:code )?137|OutOfMemory/i;

export class EventLog {
  #application: Application = {
    id: "",
    name: "",
    version: "",
    startMs: 0,
    endMs: null,
    conf: {},
    javaVersion: "",
    vmName: "",
    command: "",
    sql: false,
  };
  #events = 0;
  readonly #profiles = new Map<number, ProfileRequests>();
  readonly #executors = new Executors();
  readonly #open = new Map<string, StageTotals>();
  readonly #stages = new Greatest<StageTotals>(LISTED_STAGES, stageRank);
  readonly #killed: string[] = [];
  #killedCount = 0;
  #neediest: NeediestTask | null = null;
  #peakTask: PeakTask | null = null;
  readonly #cached = new CachedBlocks();
  readonly #totals: Totals = {
    tasks: 0,
    failed: 0,
    outOfMemory: 0,
    spilledTasks: 0,
    memorySpilledBytes: 0,
    diskSpilledBytes: 0,
    peakOnHeapTaskBytes: 0,
    peakOffHeapTaskBytes: 0,
    runMs: 0,
    gcMs: 0,
    stages: 0,
    jobs: 0,
  };

  /** Takes the event of the next line; null for one that is passed over. */
  add(event: LogEvent | null): void {
    this.#events += 1;
    if (event !== null) this.#take(event);
  }

  /** Whether any event was one of Spark's that is known here. */
  get isSpark(): boolean {
    return this.#application.startMs > 0 || this.#application.version !== "" || this.#totals.tasks > 0;
  }

  /** How many things are kept: bounded, whatever the log's length. */
  get kept(): number {
    return this.#open.size + this.#executors.kept + this.#profiles.size + this.#cached.kept;
  }

  requests(): CacheRequests {
    return this.#cached.requests();
  }

  summary(): LogSummary {
    const stages = new Greatest<StageTotals>(LISTED_STAGES, stageRank);
    for (const each of [...this.#stages.list(), ...this.#open.values()]) if (stageRank(each) > 0) stages.offer(each);
    return {
      application: this.#application,
      events: this.#events,
      profiles: this.#profiles,
      kinds: this.#executors.kinds(),
      mostExecutors: this.#executors.mostAlive,
      totals: { ...this.#totals },
      stages: stages.list(),
      neediest: this.#neediest,
      peakTask: this.#peakTask,
      killed: this.#killed,
      killedCount: this.#killedCount,
      cached: this.#cached.summary(),
    };
  }

  #take(event: LogEvent): void {
    switch (event.kind) {
      case "logStart":
        return this.#learn({ version: event.version });
      case "environment": {
        const { conf, javaVersion, vmName, command } = event;
        return this.#learn({ conf, javaVersion, vmName, command });
      }
      case "applicationStart":
        return this.#learn({ id: event.id, name: event.name, startMs: event.timeMs });
      case "applicationEnd":
        return this.#learn({ endMs: event.timeMs });
      case "sql":
        return this.#learn({ sql: true });
      case "profile":
        if (this.#profiles.size < MOST_PROFILES) this.#profiles.set(event.profile, event.requests);
        return;
      case "executorAdded":
        return this.#executors.added(event);
      case "executorRemoved":
        return this.#executorRemoved(event.executor, event.reason);
      case "managerAdded":
        return this.#executors.managerAdded(event);
      case "managerRemoved":
        this.#executors.gone(event.executor);
        return this.#cached.executorGone(event.executor);
      case "metrics":
        return this.#executors.sampled(event.executor, event.metrics);
      case "jobStart":
        this.#totals.jobs += 1;
        return this.#cached.jobStarted(event.job, event.stages);
      case "jobEnd":
        return this.#cached.jobEnded(event.job);
      case "stageSubmitted":
        this.#openStage(event.stage);
        return this.#cached.stageSubmitted(event.stage);
      case "stageCompleted":
        this.#totals.stages += 1;
        this.#closeStage(keyOf(event.stage));
        return this.#cached.stageCompleted(event.stage, event.timeMs);
      case "block":
        return this.#cached.blockUpdated(event.executor, event.block);
      case "unpersist":
        return this.#cached.unpersisted(event.rdd);
      case "taskEnd":
        return this.#taskEnded(event);
    }
  }

  #learn(facts: Partial<Application>): void {
    this.#application = { ...this.#application, ...facts };
  }

  #executorRemoved(executor: string, reason: string): void {
    this.#executors.gone(executor);
    this.#cached.executorGone(executor);
    if (!MEMORY_KILL.test(reason)) return;
    this.#killedCount += 1;
    if (this.#killed.length < LISTED_KILLS) this.#killed.push(reason.slice(0, 300));
  }

  #openStage(info: StageInfo): void {
    if (this.#open.size >= MOST_OPEN_STAGES) this.#closeStage(this.#open.keys().next().value!);
    this.#open.set(keyOf(info), {
      stage: info.stage,
      attempt: info.attempt,
      name: info.name,
      partitions: info.tasks,
      shuffled: info.shuffled,
      tasks: 0,
      failed: 0,
      spilledTasks: 0,
      memorySpilledBytes: 0,
      diskSpilledBytes: 0,
      peakTaskBytes: 0,
      runMs: 0,
      gcMs: 0,
    });
  }

  #closeStage(key: string): void {
    const stage = this.#open.get(key);
    if (stage === undefined) return;
    this.#open.delete(key);
    if (stageRank(stage) > 0) this.#stages.offer(stage);
  }

  #taskEnded(end: TaskEnd): void {
    this.#totals.peakOnHeapTaskBytes = Math.max(this.#totals.peakOnHeapTaskBytes, end.peakOnHeapBytes);
    this.#totals.peakOffHeapTaskBytes = Math.max(this.#totals.peakOffHeapTaskBytes, end.peakOffHeapBytes);
    if (OUT_OF_MEMORY.test(end.reason)) this.#totals.outOfMemory += 1;
    count(this.#totals, end);
    // A task may end after its stage: then it counts in the totals only.
    const stage = this.#open.get(keyOf(end));
    if (stage !== undefined) {
      count(stage, end);
      stage.peakTaskBytes = Math.max(stage.peakTaskBytes, end.peakBytes);
    }
    if (end.peakBytes > (this.#peakTask?.peakBytes ?? 0)) {
      const { task, executor, peakBytes } = end;
      this.#peakTask = { stage: end.stage, task, executor, peakBytes };
    }
    const needBytes = end.peakBytes + end.memorySpilledBytes;
    if (end.memorySpilledBytes > 0 && needBytes > (this.#neediest?.needBytes ?? 0)) {
      const where = this.#executors.find(end.executor);
      this.#neediest = {
        stage: end.stage,
        task: end.task,
        executor: end.executor,
        partitions: stage?.partitions ?? 0,
        shuffled: stage?.shuffled ?? false,
        peakBytes: end.peakBytes,
        memorySpilledBytes: end.memorySpilledBytes,
        diskSpilledBytes: end.diskSpilledBytes,
        needBytes,
        onHeapBytes: where?.onHeapBytes ?? null,
        cores: where?.cores ?? null,
      };
    }
    this.#executors.sampled(end.executor, end.metrics);
    this.#cached.taskEnded(end);
  }
}

type Counted = Pick<
  Totals,
  "tasks" | "failed" | "spilledTasks" | "memorySpilledBytes" | "diskSpilledBytes" | "runMs" | "gcMs"
>;

function count(sums: Counted, end: TaskEnd): void {
  sums.tasks += 1;
  if (!end.succeeded) sums.failed += 1;
  if (end.memorySpilledBytes > 0 || end.diskSpilledBytes > 0) sums.spilledTasks += 1;
  sums.memorySpilledBytes += end.memorySpilledBytes;
  sums.diskSpilledBytes += end.diskSpilledBytes;
  sums.runMs += end.runMs;
  sums.gcMs += end.gcMs;
}

function keyOf({ stage, attempt }: { readonly stage: number; readonly attempt: number }): string {
  return `${stage} ${attempt}`;
}

/** Spilled bytes before peaks: whatever spilled ranks above whatever did not. */
function stageRank({ memorySpilledBytes, diskSpilledBytes, peakTaskBytes }: StageTotals): number {
  const spilled = memorySpilledBytes + diskSpilledBytes;
  return spilled > 0 ? 2 ** 53 + spilled : peakTaskBytes;
}
