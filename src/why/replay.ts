// The causes of a plain trace: its requests are asked again here, under the watch, and what it says came of each is written
// down with the facts. Causes hold as far as the answers agree, so those that do not are counted.

import type { Executor } from "../executor.js";
import { readBlockRow } from "../trace/block-rows.js";
import { BlockReplay, readBlockHeader } from "../trace/blocks.js";
import { readHeader } from "../trace/format.js";
import { type Answer, Replay } from "../trace/replay.js";
import { rowsOf } from "../trace/rows.js";
import { COUNT, INTEGER, isCount, pick, TEXT } from "../trace/shape.js";
import { type Line, objectOn, type RecordedFile, Unreadable } from "../trace/source.js";
import { refusable, same } from "../trace/verify.js";
import { type ToldRow, writeRow } from "./rows.js";
import { type Retold, Watch } from "./watch.js";
import { CauseWriter } from "./writer.js";

/** Rows of a trace as they are asked again, one by one. */
interface Asking {
  readonly executor: Executor;
  /** `told` gets spills that rows tell beside themselves, before their row is asked. */
  readonly rows: (told: (spill: Retold) => void) => AsyncIterable<ToldRow & { readonly agrees: boolean }>;
}

/**
 * The binary form of a plain trace, with causes; returns how many rows this library answers differently. Throws Unreadable.
 *
 * @example
 * ```ts
 * import { causesOf } from "tungsten-memory/why";
 *
 * // `recorded`: the header of a plain trace, and its other lines.
 * export async function bytesOf(recorded: Parameters<typeof causesOf>[0]): Promise<Uint8Array[]> {
 *   const pieces: Uint8Array[] = [];
 *   for await (const piece of causesOf(recorded)) pieces.push(piece);
 *   return pieces;
 * }
 * ```
 */
export async function* causesOf(recorded: RecordedFile, bufferBytes?: number): AsyncGenerator<Uint8Array, number> {
  const asking = Object.hasOwn(recorded.header, "extension") ? askBlocks(recorded) : ask(recorded);
  let ready: Uint8Array[] = [];
  const out = new CauseWriter(JSON.stringify(recorded.header), (bytes) => ready.push(bytes.slice()), bufferBytes);
  const watch = new Watch(asking.executor, out);
  let different = 0;
  try {
    for await (const row of asking.rows((spill) => watch.retell(spill))) {
      if (!row.agrees) different += 1;
      writeRow(out, row);
      if (ready.length === 0) continue;
      yield* ready;
      ready = [];
    }
  } finally {
    watch.end();
  }
  out.end();
  yield* ready;
  return different;
}

function ask(recorded: RecordedFile): Asking {
  const { file } = recorded;
  const header = readHeader(recorded.header, file);
  const replay = refusable(file, 1, () => new Replay(header));
  const rows = async function* (told: (spill: Retold) => void) {
    let spilled: Retold[] = [];
    const noting = async function* () {
      for await (const line of recorded.rows) {
        spilled = header.looks === "rows" ? spilledIn(file, line) : [];
        yield line;
      }
    };
    for await (const { row, line } of rowsOf({ ...recorded, rows: noting() })) {
      spilled.forEach(told);
      const { i, result, state, evicted, spills, resumed = [], ...asked } = row;
      const impossible = result["skipped"] !== undefined;
      const answer = impossible ? replay.applyIfPossible(row) : refusable(file, line, () => replay.apply(row));
      const agrees = same({ result, state, evicted, spills, resumed }, withEffects(answer));
      yield { ask: asked, result: answer.result, ...toldEffects(answer), state: answer.state, agrees, i };
    }
  };
  return { executor: replay.executor, rows };
}

function askBlocks(recorded: RecordedFile): Asking {
  const { file } = recorded;
  const header = readBlockHeader(recorded.header, file);
  const replay = refusable(file, 1, () => new BlockReplay(header));
  const rows = async function* () {
    let number = 0;
    let end: number | null = null;
    for await (const text of recorded.rows) {
      const { line } = text;
      if (end !== null) throw new Unreadable(file, line, "stands after the last line");
      const row = readBlockRow(objectOn(file, text), file, line, number + 1);
      if ("end" in row) {
        end = row.end;
        if (end === number) continue;
        throw new Unreadable(file, line, `says that there are ${end} rows, but there are ${number}`);
      }
      number += 1;
      const { i: _i, result, state, ...asked } = row;
      const answer = refusable(file, line, () => replay.apply(row));
      const agrees = same({ result, state, store: row.store }, answer);
      yield { ask: asked, result: answer.result, effects: {}, resumed: [], state: answer.state, agrees };
    }
    if (end === null) throw new Unreadable(file, number + 2, "the last line is missing: the file was cut off");
  };
  return { executor: replay.executor, rows };
}

/** All fields of an answer, those that it leaves out as undefined. */
function withEffects({ result, state, evicted, spills, resumed = [] }: Answer): object {
  return { result, state, evicted, spills, resumed };
}

function toldEffects({ evicted, spills, resumed = [] }: Answer): Pick<ToldRow, "effects" | "resumed"> {
  return {
    effects: { ...(evicted === undefined ? {} : { evicted }), ...(spills === undefined ? {} : { spills }) },
    resumed,
  };
}

const SPILLED = {
  task: INTEGER,
  consumer: TEXT,
  trigger: TEXT,
  asked: COUNT,
  freed: [(value: unknown) => value === -1 || isCount(value), "bytes, or -1"],
} as const;

/** Who spilled for whom, as recordings of a run tell it beside a row. */
function spilledIn(file: string, line: Line): Retold[] {
  if (!line.text.includes('"spilled":')) return [];
  const { spilled } = objectOn(file, line) as { readonly spilled?: unknown };
  const fail = (message: string): never => {
    throw new Unreadable(file, line.line, message);
  };
  if (spilled === undefined) return [];
  if (!Array.isArray(spilled)) return fail("spilled must be a list");
  return spilled.map((each) => pick(each, SPILLED, "spilled", fail) as unknown as Retold);
}
