// Traces for tests: asked row by row of this library, written as it writes them, and files that hold them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Op } from "../../src/trace/format.js";
import { Replay, type ReplayHeader } from "../../src/trace/replay.js";
import { headerAnswers } from "../../src/trace/state.js";
import type { RecordedFile } from "../../src/trace/source.js";
import { endLine, headerLine, rowLine } from "../../src/trace/write.js";

/** 1000 bytes on-heap, half of them storage's; 500 off-heap. */
export const SMALL: ReplayHeader = {
  conf: {
    "spark.testing.memory": "1000",
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.memory.offHeap.size": "500",
    "spark.buffer.pageSize": "64",
  },
  cores: 1,
  collector: "other",
  generation: "4.1",
  manager: "unified",
};

/** The lines of a trace that asks this. */
export function traceOf(ops: readonly Op[], header: ReplayHeader = SMALL): string[] {
  const replay = new Replay(header);
  const first = headerLine({ engine: "test-1", ...header, ...headerAnswers(replay.executor) });
  const rows = ops.map((op, at) => rowLine({ i: at + 1, ...op }, replay.apply({ i: at + 1, ...op })));
  return [first, ...rows, endLine(rows.length)];
}

export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** A recorded file in memory. */
export function recordedOf(lines: readonly string[], file = "trace.jsonl"): RecordedFile {
  const [first, ...rest] = lines;
  return {
    file,
    header: JSON.parse(first!) as RecordedFile["header"],
    rows: (async function* () {
      for (const [at, text] of rest.entries()) yield { line: at + 2, text };
    })(),
  };
}

/** A folder for the files of one test file, gone at its end. */
export function folder(): {
  readonly write: (name: string, contents: string | Uint8Array) => string;
  readonly path: string;
} {
  const path = mkdtempSync(join(tmpdir(), "traces-"));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    write(name, contents) {
      const file = join(path, name);
      writeFileSync(file, contents);
      return file;
    },
  };
}
