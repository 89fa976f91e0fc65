// A row of a trace, written in the binary form: what was asked, what came of it, the state it left.

import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { canonical } from "../storage/block.js";
import type { Effects, State } from "../trace/format.js";
import {
  CODES,
  COUNT_TAG,
  COUNTS,
  FLAG_TAG,
  FLAGS,
  NO_BYTES,
  NOTHING,
  OPS,
  TEXT_OP,
  TEXT_RESULT,
  WAITS,
} from "./format.js";
import type { CauseWriter } from "./writer.js";

type Fields = Readonly<Record<string, unknown>>;

/** A row as it is told: what it asks, without its number, and what came of it. */
export interface ToldRow {
  readonly ask: Fields & { readonly op: string };
  readonly result: Fields;
  readonly effects: Effects;
  readonly resumed: readonly ({ readonly i: number; readonly result: Fields } & Effects)[];
  readonly state: State;
}

/** Writes a row. The facts that came about in its course have been written. */
export function writeRow(out: CauseWriter, row: ToldRow): void {
  writeAsk(out, row.ask);
  writeResult(out, row.result);
  writeEffects(out, row);
  out.cells(row.state.onHeap, row.state.offHeap);
}

function writeAsk(out: CauseWriter, ask: ToldRow["ask"]): void {
  const code = CODES.get(ask.op);
  const fields = code === undefined ? null : OPS[code - 1]![1];
  if (code === undefined || fields === null || Object.keys(ask).length !== fields.length + 1) {
    out.row(TEXT_OP);
    out.text(JSON.stringify(ask));
    return;
  }
  const block = "block" in ask ? canonical(ask["block"] as string) : 0;
  const blockName = "block" in ask ? out.blockName(block) : 0;
  const consumer = "consumer" in ask ? out.name(ask["consumer"] as string) : 0;
  out.row(code);
  for (const field of fields) {
    if (field === "task") out.signed(ask[field] as number);
    else if (field === "bytes" || field === "page") out.count(ask[field] as number);
    else if (field === "mode") out.byte(modeByte(ask[field]));
    else if (field === "block") out.block(block, blockName);
    else if (field === "consumer") out.count(consumer);
    else out.byte(ask[field] === "disk" ? 1 : 0);
  }
}

/** Writes a result: one field of the tables, or JSON. */
export function writeResult(out: CauseWriter, result: Fields): void {
  const names = Object.keys(result);
  const [name] = names;
  const value = name === undefined ? null : result[name];
  if (name === undefined) out.byte(NOTHING);
  else if (names.length > 1) text(out, result);
  else if (name === "waits") out.byte(WAITS);
  else if (name === "bytes" && value === null) out.byte(NO_BYTES);
  else if (typeof value === "boolean" && flagTag(name) >= 0) out.byte(FLAG_TAG + 2 * flagTag(name) + (value ? 1 : 0));
  else if (Number.isSafeInteger(value) && (value as number) >= 0 && countTag(name) >= 0) {
    out.byte(COUNT_TAG + countTag(name));
    out.count(value as number);
  } else text(out, result);
}

function writeEffects(out: CauseWriter, { effects, resumed }: ToldRow): void {
  const { evicted = [], spills = [] } = effects;
  if (spills.length === 0 && resumed.length === 0) {
    out.byte(0);
    return;
  }
  out.byte(1);
  out.count(evicted.length);
  out.count(spills.length);
  out.count(resumed.length);
  for (const each of resumed) {
    out.item();
    out.count(out.rows - each.i);
    writeResult(out, each.result);
    out.count(each.evicted?.length ?? 0);
    out.count(each.spills?.length ?? 0);
  }
  out.item();
}

/** How a mode is written, from its name. */
function modeByte(name: unknown): Mode {
  return name === "offHeap" ? OFF_HEAP : ON_HEAP;
}

function flagTag(name: string): number {
  return (FLAGS as readonly string[]).indexOf(name);
}

function countTag(name: string): number {
  return (COUNTS as readonly string[]).indexOf(name);
}

function text(out: CauseWriter, result: Fields): void {
  out.byte(TEXT_RESULT);
  out.text(JSON.stringify(result));
}
