// Rows of a trace that carry their causes: what `export` makes of a recording, and how they are read back.

import { objectOn, type RecordedFile, Unreadable } from "../trace/source.js";
import { type State, readState } from "../trace/format.js";
import { isCount, isObject } from "../trace/shape.js";
import { endLine, rowLine } from "../trace/write.js";
import { BOUNDS, type Fact, FACTS, type FactKind, type FieldTypes, LIMITS, PURPOSES, WAKINGS } from "./facts.js";
import type { CausedRow, CauseReader } from "./reader.js";

/** A row as a story takes it. */
export interface ToldLine extends Pick<CausedRow, "i" | "ask" | "result" | "facts"> {
  /** The pools after it; null for what came about after the last row. */
  readonly state: State | null;
}

/** Field of a header that says that rows carry their causes. */
export const CAUSES = "causes";

/**
 * The lines of a recording as a trace, without line feeds: its reader, and its bytes from the first. A raised signal ends them,
 * whole, with fewer rows. Throws Malformed.
 *
 * @example
 * ```ts
 * import { openExecutor } from "tungsten-memory";
 * import { CauseReader, CauseRecorder, exportedLines } from "tungsten-memory/why";
 *
 * const pieces: Uint8Array[] = [];
 * const executor = openExecutor({ pages: "accounts" });
 * const recorder = new CauseRecorder(executor, (bytes) => void pieces.push(bytes.slice()));
 * executor.manager.acquireExecution(100, 1, 0);
 * recorder.end();
 *
 * async function* bytes() {
 *   yield* pieces;
 * }
 * let lines = 0;
 * for await (const _line of exportedLines(new CauseReader("run.causes"), bytes())) lines += 1;
 * console.log(lines); // 3
 * ```
 */
export async function* exportedLines(
  reader: CauseReader,
  bytes: AsyncIterable<unknown>,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  let headed = false;
  for await (const chunk of bytes) {
    const rows = reader.feed(chunk as Uint8Array);
    if (!headed && reader.header !== null) {
      headed = true;
      yield JSON.stringify({ ...(JSON.parse(reader.headerLine) as object), [CAUSES]: true });
    }
    for (const row of rows) {
      yield exportedLine(row);
      if (signal?.aborted) return yield endLine(row.i);
    }
  }
  reader.finish();
  const facts = reader.facts.map(({ row: _row, ...fact }) => fact);
  yield facts.length === 0 ? endLine(reader.rows) : JSON.stringify({ end: reader.rows, cause: facts });
}

function exportedLine({ i, ask, result, effects, resumed, state, spilled, facts }: CausedRow): string {
  const more = {
    ...(spilled.length === 0 ? {} : { spilled }),
    ...(facts.length === 0 ? {} : { cause: facts.map(({ row: _row, ...fact }) => fact) }),
  };
  const answer = { result, ...effects, ...(resumed.length === 0 ? {} : { resumed: [...resumed] }), state };
  return rowLine({ ...ask, i } as unknown as Parameters<typeof rowLine>[0], answer, more);
}

/**
 * The rows of an exported trace with their facts. Only these and the pools are checked: `verify` checks the rest. Throws Unreadable.
 *
 * @example
 * ```ts
 * import { exportedRows, Story } from "tungsten-memory/why";
 *
 * // `recorded`: the header of an exported trace, and its other lines.
 * export async function storyOf(recorded: Parameters<typeof exportedRows>[0]): Promise<Story> {
 *   const story = new Story();
 *   for await (const { facts } of exportedRows(recorded)) story.add(facts);
 *   return story;
 * }
 * ```
 */
export async function* exportedRows({ file, rows }: RecordedFile): AsyncGenerator<ToldLine> {
  let i = 0;
  let n = 0;
  let ended = false;
  for await (const line of rows) {
    const fail = (message: string): never => {
      throw new Unreadable(file, line.line, message);
    };
    if (ended) fail("stands after the last line");
    const { cause = [], result, state, ...ask } = objectOn(file, line) as Record<string, unknown>;
    ended = !Object.hasOwn(ask, "op") && Object.hasOwn(ask, "end");
    if (!ended) i += 1;
    if (ended ? ask["end"] !== i : ask["i"] !== i)
      fail(`row ${String(ask["i"] ?? ask["end"])} where ${i} was expected`);
    if (!ended && typeof ask["op"] !== "string") fail("op is missing");
    if (!Array.isArray(cause)) fail("cause must be a list");
    const facts = (cause as unknown[]).map((fact) => {
      n += 1;
      return factOf(fact, n, ended ? i + 1 : i, fail);
    });
    const told = {
      i: ended ? i + 1 : i,
      ask: ask as ToldLine["ask"],
      result: isObject(result) ? result : {},
      state: ended ? null : readState(state, "row", fail),
      facts,
    };
    if (!ended || facts.length > 0) yield told;
  }
  if (!ended) throw new Unreadable(file, i + 2, "the last line is missing: the file was cut off");
}

function factOf(value: unknown, n: number, row: number, fail: (message: string) => never): Fact {
  const told = isObject(value) ? value : fail("a cause must be an object");
  const kind = told["kind"] as FactKind;
  if (told["n"] !== n) fail(`cause ${JSON.stringify(told["n"])} where ${n} was expected`);
  if (!Object.hasOwn(FACTS, kind)) fail(`a cause of kind ${JSON.stringify(kind)} is not known`);
  const fact: Record<string, unknown> = { kind, n, row };
  for (const [name, type] of FACTS[kind]) {
    const field = told[name];
    if (!HOLDS[type](field) || (type === "fact" && (field as number) >= n))
      fail(`cause ${kind}: ${name} cannot be ${JSON.stringify(field)}`);
    fact[name] = field;
  }
  return fact as unknown as Fact;
}

const isSigned = (value: unknown): boolean => Number.isSafeInteger(value);
const isText = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const among =
  (words: readonly string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);
const tuples =
  (...cells: readonly ((value: unknown) => boolean)[]) =>
  (value: unknown): boolean =>
    Array.isArray(value) &&
    value.every((one) => Array.isArray(one) && one.length === cells.length && cells.every((is, at) => is(one[at])));

const HOLDS: Readonly<Record<keyof FieldTypes, (value: unknown) => boolean>> = {
  fact: isCount,
  count: isCount,
  signed: isSigned,
  task: isSigned,
  anyTask: (value) => value === null || isSigned(value),
  name: isText,
  anyName: (value) => value === null || isText(value),
  block: (value) => typeof value === "string",
  mode: among(["onHeap", "offHeap"]),
  purpose: among(PURPOSES),
  fate: among(["gone", "disk"]),
  waking: among(WAKINGS),
  limit: among(LIMITS),
  bound: among(BOUNDS),
  holders: tuples(isSigned, isCount),
  cycle: tuples(isSigned, (mode) => mode === 0 || mode === 1, isCount, isCount),
};
