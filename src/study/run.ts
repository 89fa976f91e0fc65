// The study from rows to results: one process a mode, rounds in turn, and nothing left on the disk whatever happens.

import { mkdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../fault.js";
import { type Mode, OFF_HEAP } from "../memory/mode.js";
import { nodeFileSystem } from "../spill/filesystem.js";
import { newFileName, newHomeName, removeLeftovers } from "../spill/home.js";
import { thisProcess } from "../spill/owner.js";
import { Aborted, untilAborted } from "./abort.js";
import { measureDisk } from "./disk.js";
import { type InputRequest, openInput } from "./input.js";
import { thisMachine } from "./machine.js";
import { Measurer } from "./measurer.js";
import { type Budget, compresses, type Conf, confOf, neededBytes, numbersOf } from "./plan.js";
import { referenceHash } from "./reference.js";
import type { Round } from "./round.js";
import { countingRounds, type Layout, type ModeResult, modeTitle, type Study } from "./study.js";
import { median } from "./statistics.js";
import { headOf, type Table, writeTable } from "./table.js";

export interface StudyRequest {
  readonly input: InputRequest;
  readonly budget: Budget;
  readonly modes: readonly Mode[];
  /** Measured rounds of each mode. */
  readonly rounds: number;
  /** Rounds of each mode that only warm up. */
  readonly warmUps: number;
  /** An existing directory; what the study puts there is gone when it ends. */
  readonly directory: string;
}

/** Told how far the study is. */
export interface Progress {
  /** A step was begun, in words. */
  step(text: string): void;
  /** `done` of `all` rounds are over; the last one's speed. */
  round(done: number, all: number, mode: Mode, rowsPerSecond: number): void;
}

const DISK_ROUNDS = 5;

/** A study that is ready to be measured: the rows, their right order, and the configuration of each mode. */
export interface PreparedStudy {
  readonly request: StudyRequest;
  readonly table: Table;
  readonly neededBytes: number;
  readonly referenceHash: string;
  readonly plans: readonly { readonly mode: Mode; readonly conf: Conf; readonly layout: Layout }[];
  readonly notices: readonly string[];
}

/** Reads the rows and sorts them in memory. Touches no disk but the input. Throws Refusal for what the user can put right. */
export function prepareStudy(request: StudyRequest, progress: Progress): PreparedStudy {
  progress.step("reading the rows");
  const { table, notice } = openInput(request.input);
  const need = neededBytes(table);
  const plans = request.modes.map((mode) => {
    const conf = confOf(mode, request.budget, need);
    const numbers = numbersOf(conf, request.budget.cores);
    const { total, protectedStorage, execution, storage } = mode === OFF_HEAP ? numbers.offHeap : numbers.onHeap;
    return { mode, conf, layout: { total, protectedStorage, execution, storage, pageBytes: numbers.pageBytes } };
  });
  progress.step("sorting them in memory, for reference");
  const notices = notice === null ? [] : [notice];
  return { request, table, neededBytes: need, referenceHash: referenceHash(table), plans, notices };
}

/** Measures. An abort ends the processes at once and gives what there is so far; files are removed on every way out. */
export async function runStudy(study: PreparedStudy, progress: Progress, signal: AbortSignal): Promise<Study> {
  const { request, table, plans } = study;
  const { cores } = request.budget;
  const head = headOf(table);
  removeLeftovers(request.directory, nodeFileSystem);
  const directory = join(request.directory, newHomeName(thisProcess(), "study"));
  mkdirSync(directory, { mode: 0o700 });
  const measurers: Measurer[] = [];
  const results: (ModeResult & { readonly rounds: Round[] })[] = [];
  let disk: Study["disk"] = null;
  try {
    const tableFile = join(directory, newFileName());
    writeRows(tableFile, table, request.directory);
    for (const { mode, conf, layout } of plans) {
      progress.step(`starting the ${modeTitle(mode)} process`);
      const measurer = new Measurer({ mode, conf, cores, directory, table: head, tableFile });
      measurers.push(measurer);
      const residentBaseBytes = await untilAborted(measurer.open(), signal);
      results.push({ mode, conf, layout, residentBaseBytes, rounds: [] });
    }
    unlinkSync(tableFile);
    await measure(measurers, results, study, progress, signal);
    await Promise.all(measurers.map((measurer) => measurer.kill()));
    const bytes = Math.round(median(results.flatMap((mode) => countingRounds(mode).map((r) => r.diskBytesSpilled))));
    if (bytes > 0) {
      progress.step("measuring the disk itself");
      disk = measureDisk(directory, bytes, DISK_ROUNDS);
    }
  } catch (error) {
    if (!(error instanceof Aborted)) throw error;
  } finally {
    await Promise.all(measurers.map((measurer) => measurer.kill()));
    rmSync(directory, { recursive: true, force: true });
  }
  return {
    table: head,
    neededBytes: study.neededBytes,
    compress: compresses(plans[0]!.conf),
    cores,
    warmUps: request.warmUps,
    machine: thisMachine(),
    referenceHash: study.referenceHash,
    modes: results,
    disk,
    notices: study.notices,
    interrupted: signal.aborted,
  };
}

/** The system's own message does not say where there was no room. */
function writeRows(file: string, table: Table, directory: string): void {
  try {
    writeTable(file, table);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(`the rows cannot be written under ${directory}: ${why}`, null, { cause });
  }
}

/** The rounds, modes in turn; every other time the other mode begins, so that neither always follows. */
async function measure(
  measurers: readonly Measurer[],
  results: readonly { readonly mode: Mode; readonly rounds: Round[] }[],
  { request, table }: PreparedStudy,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const turns = request.warmUps + request.rounds;
  const order = [...measurers.keys()];
  let done = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    for (const i of turn % 2 === 0 ? order : order.toReversed()) {
      const round = await untilAborted(measurers[i]!.round(), signal);
      if (turn >= request.warmUps) results[i]!.rounds.push(round);
      done += 1;
      progress.round(done, turns * order.length, results[i]!.mode, table.rows / round.seconds);
    }
  }
}
