// Streams what a command writes to a file or to standard output: nothing is opened before the first piece is there, and what
// has been written of a file is removed when it cannot be finished.

import { once } from "node:events";
import { createWriteStream, lstatSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { Refusal } from "../fault.js";
import { humanBytes } from "../human.js";
import { clearStatus, showStatus } from "./output.js";
import { isSystemError } from "./trouble.js";

type Pieces = AsyncIterable<string | Uint8Array>;

/** Lines that go out together. */
const BATCH = 512;

/** Writes the pieces to a file, gzipped when it ends in .gz, or to standard output. Throws Refusal for a file that it cannot write. */
export async function writeOut(pieces: Pieces, out: string | undefined): Promise<void> {
  const source = Readable.from(await begun(pieces));
  if (out === undefined) return pipeline(source, process.stdout, { end: false });
  try {
    await writeFile(Readable.from(told(source, out)), out);
  } finally {
    clearStatus();
  }
}

/** The same pieces; a terminal is told how much has gone by. */
async function* told(pieces: Pieces, out: string): AsyncGenerator<string | Uint8Array> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    showStatus(() => `${out}: ${humanBytes(size)}`);
    yield piece;
  }
}

async function writeFile(source: Readable, out: string): Promise<void> {
  const file = createWriteStream(out);
  try {
    await once(file, "open");
  } catch (cause) {
    throw new Refusal(`--out ${out}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
  try {
    await (out.endsWith(".gz") ? pipeline(source, createGzip(), file) : pipeline(source, file));
  } catch (cause) {
    if (lstatSync(out).isFile()) rmSync(out);
    if (cause instanceof Refusal || !isSystemError(cause)) throw cause;
    throw new Refusal(`--out ${out}: ${cause.message}`, null, { cause });
  }
}

/** Lines as text, many at a time, each with its line feed. */
export async function* batches(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let batch: string[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < BATCH) continue;
    yield `${batch.join("\n")}\n`;
    batch = [];
  }
  if (batch.length > 0) yield `${batch.join("\n")}\n`;
}

/** The same pieces, of which the first has been had. */
async function begun(pieces: Pieces): Promise<Pieces> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    for (let step = first; step.done !== true; step = await iterator.next()) yield step.value;
  })();
}
