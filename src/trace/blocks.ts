// Replays memory traces with the extension `blocks-1` on a block manager, and checks them.

import { Executor } from "../executor.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { MUST_WAIT } from "../policy/policy.js";
import { blockName, canonical } from "../storage/block.js";
import { BlockManager } from "../storage/block-manager.js";
import { ByteChunks, encodeRecords } from "../storage/codec.js";
import { MemoryDisk } from "../storage/disk.js";
import { InvalidLevel, levelFlags, levelOf } from "../storage/level.js";
import { putRecords, putValues } from "../storage/unroll.js";
import { HandleUsed, UnrolledBytes, type UnrolledValues } from "../storage/unrolled.js";
import type { VectorBytes } from "../storage/vector.js";
import {
  type BlockOp,
  type BlockRow,
  EXTENSION,
  isBlockRow,
  type PlainRow,
  readBlockRow,
  type Records,
  type StoredBlock,
  type StoreState,
} from "./block-rows.js";
import { modeOf, readHeader, type State, type TraceHeader, Undeclared } from "./format.js";
import type { Json } from "./json.js";
import { recordsOf, traceCodec, type TraceRecord } from "./records.js";
import { objectOn, type RecordedFile, Unreadable, type Verdict } from "./source.js";
import { refusable, same } from "./verify.js";

type Result = Record<string, unknown>;

/** What is left of a put: a stream, the values, or a stream that is being read as values. */
interface Handle {
  readonly stream: UnrolledBytes<TraceRecord> | null;
  values: UnrolledValues<TraceRecord> | null;
}

/** What a row of an extended trace says besides the request. */
export interface BlockAnswer {
  readonly result: Result;
  readonly state: State;
  readonly store: StoreState;
}

const CHUNK_BYTES = 64 * 1024;

const COMPARED = ["result", "state", "store"] as const;

const SECTIONS: Readonly<Record<BlockOp["op"], string>> = {
  unrollPut: "8.3",
  handle: "8.3",
  putBlock: "8.6 to 8.8",
  getOrPut: "8.8",
  readBlock: "8.8",
  unlock: "8.9",
  removeBlock: "8.10",
  blockStatus: "8.1",
  endBlocks: "8.9 and 10",
};

/** A header with what the extension adds. */
export interface BlockHeader extends TraceHeader {
  /** What the recording JVM's growing vector takes besides its array, with 0, 1 and 2 samples. */
  readonly vectorBytes: VectorBytes;
}

/** The header of an extended trace. Throws Unreadable. */
export function readBlockHeader(value: unknown, file: string): BlockHeader {
  const header = readHeader(value, file);
  const { extension, vectorBytes } = value as { readonly extension?: unknown; readonly vectorBytes?: unknown };
  if (extension !== EXTENSION)
    throw new Unreadable(file, 1, `extension ${JSON.stringify(extension)} is not known here, only ${EXTENSION}`);
  if (!Array.isArray(vectorBytes) || vectorBytes.length !== 3 || !vectorBytes.every((bytes) => bytes >= 0))
    throw new Unreadable(file, 1, `vectorBytes must be three numbers of bytes, not ${JSON.stringify(vectorBytes)}`);
  return { ...header, vectorBytes: vectorBytes as unknown as VectorBytes };
}

/** One block manager that an extended trace is replayed on. Rows go in one by one. */
export class BlockReplay {
  readonly executor: Executor;
  readonly blocks: BlockManager<TraceRecord>;
  readonly #disk = new MemoryDisk();
  readonly #handles = new Map<string, Handle>();

  constructor({ conf, cores, collector, generation, manager, vectorBytes }: BlockHeader) {
    this.executor = new Executor({ conf, cores, collector, generation, layout: manager, storage: { vectorBytes } });
    this.blocks = new BlockManager({ store: this.executor.store, disk: this.#disk, codec: traceCodec });
  }

  /** Carries one request out. */
  apply(row: BlockRow | PlainRow): BlockAnswer {
    const result = isBlockRow(row) ? this.#result(row) : this.#plain(row);
    return { result, ...this.shown };
  }

  /** What a row shows besides its result. */
  get shown(): Pick<BlockAnswer, "state" | "store"> {
    const { manager } = this.executor;
    return { state: { onHeap: manager.state(ON_HEAP), offHeap: manager.state(OFF_HEAP) }, store: this.store };
  }

  get store(): StoreState {
    const { store, locks } = this.blocks;
    const stored = (mode: Mode): StoredBlock[] => {
      const list: StoredBlock[] = [];
      store.forEachBlock(mode, (block, bytes) => list.push([block, bytes, store.isValues(block) ? "values" : "bytes"]));
      return list;
    };
    const disk: [string, number][] = [];
    this.#disk.forEach((block, bytes) => disk.push([block, bytes]));
    const known: [string, number, number][] = [];
    locks.forEach((id, { level, readLocks }) => known.push([blockName(id), levelFlags(level), readLocks]));
    return {
      onHeap: stored(ON_HEAP),
      offHeap: stored(OFF_HEAP),
      unroll: [store.unrolled(ON_HEAP), store.unrolled(OFF_HEAP)],
      disk: byName(disk),
      known: byName(known),
    };
  }

  #plain(row: PlainRow): Result {
    const { manager } = this.executor;
    switch (row.op) {
      case "execAcquire": {
        const granted = manager.acquireExecution(row.bytes, row.task, modeOf(row.mode));
        return granted === MUST_WAIT ? { waits: true } : { granted };
      }
      case "execRelease":
        manager.releaseExecution(row.bytes, row.task, modeOf(row.mode));
        return {};
      case "execReleaseAll":
        return { released: manager.releaseAllExecution(row.task) };
      case "storageAcquire":
        return { granted: manager.acquireStorage(row.block, row.bytes, modeOf(row.mode)) };
      case "storageRelease":
        manager.releaseStorage(row.bytes, modeOf(row.mode));
        return {};
      default:
        throw new Undeclared(`${row.op} is not asked in a trace with the extension ${EXTENSION}`);
    }
  }

  #result(row: BlockOp): Result {
    const { blocks } = this;
    switch (row.op) {
      case "unrollPut":
        return this.#unrollPut(row);
      case "handle":
        return this.#use(row);
      case "putBlock":
        return levelled(() => ({ stored: this.#putBlock(row) }));
      case "getOrPut":
        return levelled(() => {
          const { read, left } = blocks.getOrPut(row.block, levelOf(row.level), () => recordsOf(row.records), row);
          if (read !== null) return { read: count(read, Infinity) };
          this.#handles.set(row.block, { stream: null, values: left });
          return { kept: true };
        });
      case "readBlock":
        return this.#read(row);
      case "unlock":
        blocks.unlock(row.block, row.task);
        return {};
      case "removeBlock":
        blocks.remove(row.block);
        return {};
      case "blockStatus": {
        const status = blocks.status(row.block);
        return status === null ? { missing: true } : { memory: status.memoryBytes, disk: status.diskBytes };
      }
      case "endBlocks":
        return { locks: blocks.endTask(row.task).length };
    }
  }

  // Below the block manager: the block is known, and locked, only while it is put.
  #unrollPut(row: Extract<BlockOp, { op: "unrollPut" }>): Result {
    const { store, locks } = this.blocks;
    const { block, task } = row;
    const mode = modeOf(row.mode);
    const level = levelOf(4 + (mode === OFF_HEAP ? 2 : 0) + (row.form === "values" ? 1 : 0));
    if (locks.add(canonical(block), level, task) === null) throw new Undeclared(`block ${block} is known already`);
    let left: UnrolledValues<TraceRecord> | UnrolledBytes<TraceRecord> | null = null;
    let stored = false;
    try {
      left =
        row.form === "values"
          ? putValues(store, block, recordsOf(row.records), mode, { task })
          : putRecords(store, block, recordsOf(row.records), traceCodec, mode, { task });
      stored = left === null;
    } finally {
      if (stored) locks.unlockWriter(canonical(block));
      else locks.forget(canonical(block));
    }
    if (left === null) return { stored: store.getSize(block) };
    const handle = left instanceof UnrolledBytes ? { stream: left, values: null } : { stream: null, values: left };
    this.#handles.set(block, handle);
    return { kept: true };
  }

  #use({ block, use, count: most }: Extract<BlockOp, { op: "handle" }>): Result {
    const handle = this.#handles.get(block);
    if (handle === undefined) throw new Undeclared(`nothing is left of a put of block ${block}`);
    try {
      if (use === "close") {
        if (handle.values === null) handle.stream!.discard();
        else handle.values.close();
        return {};
      }
      if (use === "finish") {
        if (handle.stream === null) throw new Undeclared(`what is left of block ${block} is no stream`);
        return { bytes: handle.stream.finish({ write() {} }) };
      }
      handle.values ??= handle.stream!.values();
      return { records: count(handle.values, use === "take" ? most : Infinity) };
    } catch (error) {
      if (error instanceof HandleUsed) return { error: "handleUsed" };
      throw error;
    }
  }

  #putBlock({ block, level, from, records, task }: Extract<BlockOp, { op: "putBlock" }>): boolean {
    return from === "iterator"
      ? this.blocks.putIterator(block, recordsOf(records), levelOf(level), { task })
      : this.blocks.putBytes(block, serialized(records), levelOf(level), { task });
  }

  #read({ block, as, hold, task }: Extract<BlockOp, { op: "readBlock" }>): Result {
    if (as === "bytes") {
      const found = this.blocks.getBytes(block, { task });
      if (found === null) return { missing: true };
      const { length } = found.bytes;
      if (!hold) found.release();
      return { bytes: length };
    }
    const found = this.blocks.getValues(block, { task });
    if (found === null) return { missing: true };
    return { from: found.from, records: hold ? 0 : count(found, Infinity) };
  }
}

/** Replays an extended trace up to its first disagreement. Throws Unreadable for a file that breaks the format. */
export async function checkBlockTrace(recorded: RecordedFile): Promise<Verdict> {
  const { file } = recorded;
  const header = readBlockHeader(recorded.header, file);
  const replay = refusable(file, 1, () => new BlockReplay(header));
  let rows = 0;
  let before = replay.shown;
  if (!same(header.state, before.state)) {
    const [expected, got] = [header.state, before.state] as unknown as Json[];
    return { rows, disagreement: { row: 0, line: 1, op: "header", field: "state", expected: expected!, got: got! } };
  }
  let end: number | null = null;
  for await (const text of recorded.rows) {
    const { line } = text;
    if (end !== null) throw new Unreadable(file, line, "stands after the last line");
    const row = readBlockRow(objectOn(file, text), file, line, rows + 1);
    if ("end" in row) {
      end = row.end;
      if (end !== rows) throw new Unreadable(file, line, `says that there are ${end} rows, but there are ${rows}`);
      continue;
    }
    const answer = refusable(file, line, () => replay.apply(row));
    const field = COMPARED.find((name) => !same(row[name], answer[name]));
    if (field !== undefined) {
      const [expected, got] = [row[field], answer[field]] as unknown as [Json, Json];
      const note = explain(row, before);
      return { rows, disagreement: { row: row.i, line, op: row.op, field, expected, got, note } };
    }
    rows += 1;
    before = answer;
  }
  if (end === null) throw new Unreadable(file, rows + 2, "the last line is missing: the file was cut off");
  return { rows, disagreement: null };
}

function explain(row: BlockRow | PlainRow, before: Pick<BlockAnswer, "state" | "store">): string {
  const { result: _result, state: _state, store: _store, ...asked } = row;
  return [
    `asked: ${JSON.stringify(asked)}`,
    `state before: ${JSON.stringify(before.state)}`,
    `store before: ${JSON.stringify(before.store)}`,
    `the law: section ${isBlockRow(row) ? SECTIONS[row.op] : "3 and 4"}`,
  ].join("\n  ");
}

/** What a put at a level answers; a level that there is not is an answer too. */
function levelled(put: () => Result): Result {
  try {
    return put();
  } catch (error) {
    if (error instanceof InvalidLevel) return { error: "invalidLevel" };
    throw error;
  }
}

/** Takes up to `most` records and says how many there were. */
function count(records: Iterator<unknown>, most: number): number {
  let taken = 0;
  while (taken < most && records.next().done !== true) taken += 1;
  return taken;
}

function serialized(records: Records): Uint8Array {
  const chunks = new ByteChunks(CHUNK_BYTES);
  encodeRecords(traceCodec, recordsOf(records), chunks);
  return chunks.joined();
}

function byName<T extends readonly [string, ...unknown[]]>(list: T[]): T[] {
  return list.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
