// The requests of a recorded memory trace, decided again under several policies side by side. Every policy has an executor
// of its own and sees the same requests in the same order; the shipped manager, store and task memory managers carry out what
// it says. What a request asks stays as recorded, also where the other history would have asked something else.

import type { Generation } from "../config/release.js";
import type { PolicyChoice } from "../policy/registry.js";
import type { SpillOrder } from "../policy/victim.js";
import { sameAnswer } from "../trace/diff.js";
import { COMPARED, type Compared, requestText } from "../trace/explain.js";
import { type Effects, modeOf, readHeader, type Row, type State, type TraceHeader } from "../trace/format.js";
import type { Json } from "../trace/json.js";
import { type Answer, Replay } from "../trace/replay.js";
import { rowsOf } from "../trace/rows.js";
import type { RecordedFile } from "../trace/source.js";
import { refusable } from "../trace/verify.js";

/** Who decides in one column. What is left out stays as it was recorded. */
export interface Contestant {
  /** What the column is called. */
  readonly label: string;
  readonly policy?: PolicyChoice;
  readonly spillOrder?: SpillOrder | string;
  readonly generation?: Generation;
}

/** What came of the requests under one policy. Sizes are bytes. */
export interface Tally {
  /** Execution memory that was granted, pages included. */
  grantedBytes: number;
  /** Requests for execution memory that got less than they asked for, without an error. */
  shortGrants: number;
  /** Requests that had to wait, and those that still did at the end. */
  waits: number;
  stillWaiting: number;
  /** Requests for execution memory that ended with an error, and requests for storage that were refused. */
  denied: number;
  refused: number;
  spills: number;
  spilledBytes: number;
  /** Of the spills, those that one task made for another. */
  spillsForOthers: number;
  evictions: number;
  evictedBytes: number;
  /** Requests that could not be asked: their page was never granted, their block has left, their task still waits. */
  impossible: number;
  /** The most in use at the end of a row, both modes. */
  peakExecution: number;
  peakStorage: number;
}

/** The first row that is answered otherwise than recorded, in more than the state of the pools. */
export interface Parting {
  readonly row: number;
  readonly line: number;
  /** What was asked, in words. */
  readonly asked: string;
  readonly field: Compared;
  readonly recorded: Json;
  readonly answered: Json;
}

export interface Outcome extends Tally {
  readonly label: string;
  /** The policy's and the order's own names; null in the column of what was recorded. */
  readonly policy: string | null;
  readonly spillOrder: string | null;
  /** Null when every row is answered as recorded. */
  readonly parts: Parting | null;
  /** Rows that are answered otherwise than recorded. */
  readonly different: number;
  /** The laws that do not hold at the end; empty when all do. */
  readonly brokenLaws: readonly string[];
}

export interface Redecided {
  readonly file: string;
  /** Rows that were decided; all of them, unless it was interrupted. */
  readonly rows: number;
  readonly interrupted: boolean;
  /** As recorded, then the contestants in their order. */
  readonly outcomes: readonly Outcome[];
}

/** Told of the pools of a column before the first row, which is row 0, and after each; column 0 is what was recorded. */
export type PoolWatcher = (column: number, row: number, state: State) => void;

/** Who looks on while a trace is decided again, and may end it early. */
export interface Onlooker {
  readonly watch?: PoolWatcher | undefined;
  readonly signal?: AbortSignal;
}

/** Decides a trace again under each of `contestants`. Throws Unreadable, and BrokenLaw for a policy that breaks one. */
export async function redecide(
  recorded: RecordedFile,
  contestants: readonly Contestant[],
  { watch, signal }: Onlooker = {},
): Promise<Redecided> {
  const { file } = recorded;
  const header = readHeader(recorded.header, file);
  const facts = new Facts();
  const columns = contestants.map((contestant) => refusable(file, 1, () => new Column(header, contestant, facts)));
  const asRecorded = emptyTally();
  [header.state, ...columns.map((column) => column.state)].forEach((state, at) => watch?.(at, 0, state));
  let rows = 0;
  let interrupted = false;
  for await (const { row, line } of rowsOf(recorded)) {
    interrupted = signal?.aborted === true;
    if (interrupted) break;
    rows += 1;
    facts.note(row);
    count(asRecorded, row, row, facts);
    watch?.(0, rows, row.state);
    columns.forEach((column, at) => {
      const state = column.take(row, line);
      watch?.(at + 1, rows, state);
    });
  }
  const first: Outcome = {
    label: "as recorded",
    policy: null,
    spillOrder: null,
    ...asRecorded,
    parts: null,
    different: 0,
    brokenLaws: [],
  };
  return { file, rows, interrupted, outcomes: [first, ...columns.map((column) => column.outcome())] };
}

/** What rows say about names: of blocks their size, of consumers their task; and what requests that wait have asked for. */
class Facts {
  readonly #bytesOfBlock = new Map<string, number>();
  readonly #taskOfConsumer = new Map<string, number>();
  readonly #asked = new Map<number, number>();

  note(row: Row): void {
    if (row.op === "put") this.#bytesOfBlock.set(row.block, row.bytes);
    if (row.op === "consumer") this.#taskOfConsumer.set(row.consumer, row.task);
    if (isAsking(row)) this.#asked.set(row.i, row.bytes);
  }

  bytesOf(block: string): number {
    return this.#bytesOfBlock.get(block) ?? 0;
  }

  strangers(consumer: string, trigger: string): boolean {
    return this.#taskOfConsumer.get(consumer) !== this.#taskOfConsumer.get(trigger);
  }

  /** What the request of a row asked for. */
  asked(row: number): number {
    return this.#asked.get(row) ?? 0;
  }
}

/** One policy at work. */
class Column {
  readonly #contestant: Contestant;
  readonly #replay: Replay;
  readonly #facts: Facts;
  readonly #tally = emptyTally();
  #parts: Parting | null = null;
  #different = 0;

  constructor(header: TraceHeader, contestant: Contestant, facts: Facts) {
    const { generation, policy, spillOrder } = contestant;
    this.#contestant = contestant;
    this.#facts = facts;
    this.#replay = new Replay(generation === undefined ? header : { ...header, generation }, {
      ...(policy === undefined ? {} : { policy }),
      ...(spillOrder === undefined ? {} : { spillOrder }),
    });
  }

  get state(): State {
    return this.#replay.state;
  }

  /** Decides one row; how it leaves the pools. */
  take(row: Row, line: number): State {
    const answer = this.#replay.applyIfPossible(this.#bounded(row));
    count(this.#tally, row, answer, this.#facts);
    const field = COMPARED.find((name) => name !== "state" && !sameAnswer(row, answer, name));
    if (field === undefined) return answer.state;
    this.#different += 1;
    this.#parts ??= {
      row: row.i,
      line,
      asked: requestText(row),
      field,
      recorded: (row[field] ?? null) as Json,
      answered: (answer[field] ?? null) as Json,
    };
    return answer.state;
  }

  outcome(): Outcome {
    const { executor, rawStorage } = this.#replay;
    return {
      label: this.#contestant.label,
      policy: executor.manager.policy.name,
      spillOrder: executor.spillOrder.name,
      ...this.#tally,
      parts: this.#parts,
      different: this.#different,
      brokenLaws: executor.check(rawStorage, false),
    };
  }

  // Storage bytes belong to nobody in particular: giving back what was refused here would take them from blocks.
  #bounded(row: Row): Row {
    if (row.op !== "storageRelease") return row;
    const held = this.#replay.rawStorage[modeOf(row.mode)];
    return row.bytes <= held ? row : { ...row, bytes: held };
  }
}

function emptyTally(): Tally {
  return {
    grantedBytes: 0,
    shortGrants: 0,
    waits: 0,
    stillWaiting: 0,
    denied: 0,
    refused: 0,
    spills: 0,
    spilledBytes: 0,
    spillsForOthers: 0,
    evictions: 0,
    evictedBytes: 0,
    impossible: 0,
    peakExecution: 0,
    peakStorage: 0,
  };
}

type Asking = Extract<Row, { op: "execAcquire" | "acquire" | "allocatePage" | "retry" }>;

function isAsking(row: Row): row is Asking {
  return row.op === "execAcquire" || row.op === "acquire" || row.op === "allocatePage" || row.op === "retry";
}

/** Adds what came of a row, whoever answered it. */
function count(tally: Tally, row: Row, answer: Row | Answer, facts: Facts): void {
  const { result, resumed, state } = answer;
  if (result["skipped"] !== undefined) tally.impossible += 1;
  else if (isAsking(row)) {
    if (result["waits"] === undefined) {
      if (row.op === "retry") tally.stillWaiting -= 1;
      countGrant(tally, result, row.bytes);
    } else if (row.op !== "retry") {
      tally.waits += 1;
      tally.stillWaiting += 1;
    }
  } else if (result["granted"] === false || result["stored"] === false) tally.refused += 1;
  countEffects(tally, answer, facts);
  for (const each of resumed ?? []) {
    countEffects(tally, each, facts);
    if (each.result["waits"] !== undefined) continue;
    tally.stillWaiting -= 1;
    countGrant(tally, each.result, facts.asked(each.i));
  }
  tally.peakExecution = Math.max(tally.peakExecution, state.onHeap[1] + state.offHeap[1]);
  tally.peakStorage = Math.max(tally.peakStorage, state.onHeap[3] + state.offHeap[3]);
}

function countGrant(tally: Tally, result: Readonly<Record<string, unknown>>, asked: number): void {
  // A wait that was interrupted was not denied.
  if (result["error"] !== undefined) tally.denied += result["error"] === "InterruptedException" ? 0 : 1;
  const granted = result["granted"] ?? result["bytes"];
  if (typeof granted !== "number") return;
  tally.grantedBytes += granted;
  if (granted < asked) tally.shortGrants += 1;
}

function countEffects(tally: Tally, { evicted, spills }: Effects, facts: Facts): void {
  for (const { block } of evicted ?? []) {
    tally.evictions += 1;
    tally.evictedBytes += facts.bytesOf(block);
  }
  for (const { consumer, trigger, freed } of spills ?? []) {
    tally.spills += 1;
    tally.spilledBytes += freed ?? 0;
    if (facts.strangers(consumer, trigger)) tally.spillsForOthers += 1;
  }
}
