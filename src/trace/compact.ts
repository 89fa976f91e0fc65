// A trace in columns of numbers, for deciding it again and again: what manager and store are asked, what they must answer, and
// the state after each row. Nothing is parsed and next to nothing allocated while it is replayed. Consumers stay out: their
// rows need objects of their own (`Replay`).

import { Executor } from "../executor.js";
import { assert, Refusal } from "../fault.js";
import type { MemoryManager } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type Request, Step } from "../memory/wait.js";
import { MUST_WAIT } from "../policy/policy.js";
import { type BlockId, canonical } from "../storage/block.js";
import { BlockExists, type Fate } from "../storage/store.js";
import { modeOf, type Op, type Row, type TraceHeader } from "./format.js";

/** Ops of the manager and the store. */
const OP = {
  execAcquire: 0,
  execRelease: 1,
  execReleaseAll: 2,
  storageAcquire: 3,
  storageRelease: 4,
  unrollReserve: 5,
  unrollRelease: 6,
  put: 7,
  get: 8,
  has: 9,
  pin: 10,
  unpin: 11,
  remove: 12,
} as const satisfies Partial<Record<Op["op"], number>>;

// Answers that are no count of bytes. A truth value is 0 or 1.
const NO_ANSWER = 0;
const ABSENT = -2;
const EXISTS = -3;

const CELLS = 8;

/** One trace. Columns by row, counted from 0, unless it says otherwise. */
export interface CompactTrace {
  readonly header: TraceHeader;
  readonly rows: number;
  readonly ops: Uint8Array;
  readonly modes: Uint8Array;
  readonly tasks: Float64Array;
  readonly bytes: Float64Array;
  readonly blocks: readonly BlockId[];
  readonly fates: readonly Fate[];
  readonly answers: Float64Array;
  /** The answer to the request that waits, when this row ends its wait; MUST_WAIT otherwise. */
  readonly resumed: Float64Array;
  /** Blocks evicted by the end of the row, those of the waiter's look included, and before that look. */
  readonly evictions: Uint32Array;
  readonly ownEvictions: Uint32Array;
  /** All evicted blocks in order: names and where they went. */
  readonly evicted: readonly { readonly block: string; readonly to: Fate }[];
  /** Eight cells a row. */
  readonly states: Float64Array;
}

/** The columns of a trace's rows. Throws Refusal for rows of consumers and for several waiters at a time. */
export function compact(header: TraceHeader, rows: readonly Row[]): CompactTrace {
  const count = rows.length;
  const trace = {
    header,
    rows: count,
    ops: new Uint8Array(count),
    modes: new Uint8Array(count),
    tasks: new Float64Array(count),
    bytes: new Float64Array(count),
    blocks: rows.map((row): BlockId => ("block" in row ? canonical(row.block) : 0)),
    fates: rows.map((row): Fate => (row.op === "put" ? row.onEvict : "gone")),
    answers: new Float64Array(count),
    resumed: new Float64Array(count).fill(MUST_WAIT),
    evictions: new Uint32Array(count),
    ownEvictions: new Uint32Array(count),
    evicted: [] as { block: string; to: Fate }[],
    states: new Float64Array(CELLS * count),
  };
  rows.forEach((row, at) => {
    const op: number | undefined = OP[row.op as keyof typeof OP];
    if (op === undefined) throw new Refusal(`row ${row.i} asks ${row.op}, which is above the memory manager`);
    trace.ops[at] = op;
    if ("mode" in row) trace.modes[at] = modeOf(row.mode);
    if ("task" in row) trace.tasks[at] = row.task;
    if ("bytes" in row) trace.bytes[at] = row.bytes;
    trace.answers[at] = answerOf(row.result);
    trace.evicted.push(...(row.evicted ?? []));
    trace.ownEvictions[at] = trace.evicted.length;
    const [resumed, another] = row.resumed ?? [];
    if (another !== undefined) throw new Refusal(`row ${row.i} resumes several requests`);
    if (resumed !== undefined) {
      trace.resumed[at] = answerOf(resumed.result);
      trace.evicted.push(...(resumed.evicted ?? []));
    }
    trace.evictions[at] = trace.evicted.length;
    trace.states.set([...row.state.onHeap, ...row.state.offHeap], CELLS * at);
  });
  return trace;
}

/** Decides all requests on a new executor and checks every answer, eviction and state. The rows that agreed, and the executor. */
export function replayCompact(trace: CompactTrace): { readonly rows: number; readonly executor: Executor } {
  const { header, evicted } = trace;
  const executor = new Executor({
    conf: header.conf,
    cores: header.cores,
    collector: header.collector,
    generation: header.generation,
    layout: header.manager,
    pages: "accounts",
  });
  let evictions = 0;
  let agree = true;
  executor.store.onEvict = (block, _bytes, _mode, to) => {
    const expected = evicted[evictions];
    evictions += 1;
    agree &&= expected !== undefined && expected.block === block && expected.to === to;
  };
  const { waits } = executor.manager;
  const waiting: { step: Step<number> | null } = { step: null };
  for (let at = 0; at < trace.rows; at += 1) {
    const answer = decide(executor, trace, at, waiting);
    agree &&= answer === trace.answers[at] && evictions === trace.ownEvictions[at];
    if (waits.size !== 0) {
      waits.settle();
      let resumed = MUST_WAIT;
      if (!waiting.step!.waiting) {
        resumed = waiting.step!.value;
        waiting.step = null;
      }
      agree &&= resumed === trace.resumed[at] && evictions === trace.evictions[at];
    }
    if (!agree || !sameState(executor, trace.states, CELLS * at)) return { rows: at, executor };
  }
  return { rows: trace.rows, executor };
}

function decide(
  { manager, store }: Executor,
  trace: CompactTrace,
  at: number,
  waiting: { step: Step<number> | null },
): number {
  const mode = trace.modes[at] as Mode;
  const bytes = trace.bytes[at]!;
  const task = trace.tasks[at]!;
  const block = trace.blocks[at]!;
  switch (trace.ops[at] as (typeof OP)[keyof typeof OP]) {
    case OP.execAcquire: {
      const granted = manager.acquireExecution(bytes, task, mode);
      if (granted === MUST_WAIT) {
        assert(waiting.step === null, "one request waits at a time");
        waiting.step = wait(manager, bytes, task, mode);
      }
      return granted;
    }
    case OP.execRelease:
      manager.releaseExecution(bytes, task, mode);
      return NO_ANSWER;
    case OP.execReleaseAll:
      return manager.releaseAllExecution(task);
    case OP.storageAcquire:
      return Number(manager.acquireStorage(block, bytes, mode));
    case OP.storageRelease:
      manager.releaseStorage(bytes, mode);
      return NO_ANSWER;
    case OP.unrollReserve:
      return Number(store.reserveUnroll(block, bytes, mode));
    case OP.unrollRelease:
      store.releaseUnroll(bytes, mode);
      return store.unrolled(ON_HEAP) + store.unrolled(OFF_HEAP);
    case OP.put:
      return put(store, block, bytes, mode, trace.fates[at]!);
    case OP.get:
      return store.getSize(block) ?? ABSENT;
    case OP.has:
      return Number(store.has(block));
    case OP.pin:
      store.pin(block);
      return NO_ANSWER;
    case OP.unpin:
      store.unpin(block);
      return NO_ANSWER;
    case OP.remove:
      return Number(store.remove(block));
  }
}

/** A step for a request that has been told to wait. */
function wait(manager: MemoryManager, bytes: number, task: number, mode: Mode): Step<number> {
  const step = new Step(looks(() => manager.retryExecution(bytes, task, mode)));
  step.look();
  manager.waits.add(step as Step<unknown>);
  return step;
}

function put(store: Executor["store"], block: BlockId, bytes: number, mode: Mode, fate: Fate): number {
  try {
    return Number(store.putAccount(block, bytes, mode, fate));
  } catch (error) {
    if (error instanceof BlockExists) return EXISTS;
    throw error;
  }
}

/** A request that has been told to wait; its first step has been taken. */
function* looks(look: () => number): Request<number> {
  let granted = MUST_WAIT;
  while (granted === MUST_WAIT) {
    yield;
    granted = look();
  }
  return granted;
}

function sameState({ manager: { ledger } }: Executor, states: Float64Array, at: number): boolean {
  return (
    states[at] === ledger.executionSize(ON_HEAP) &&
    states[at + 1] === ledger.executionUsed(ON_HEAP) &&
    states[at + 2] === ledger.storageSize(ON_HEAP) &&
    states[at + 3] === ledger.storageUsed(ON_HEAP) &&
    states[at + 4] === ledger.executionSize(OFF_HEAP) &&
    states[at + 5] === ledger.executionUsed(OFF_HEAP) &&
    states[at + 6] === ledger.storageSize(OFF_HEAP) &&
    states[at + 7] === ledger.storageUsed(OFF_HEAP)
  );
}

/** A result as a number. */
function answerOf(result: Row["result"]): number {
  const [name, value] = Object.entries(result)[0] ?? ["", NO_ANSWER];
  if (name === "waits") return MUST_WAIT;
  if (name === "error") {
    if (value === "blockExists") return EXISTS;
    throw new Refusal(`no column has room for the error ${String(value)}`);
  }
  return value === null ? ABSENT : Number(value);
}
