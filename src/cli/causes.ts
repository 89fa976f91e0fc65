// Recordings with causes as commands open them: the binary form as it is, an exported trace with the causes that it carries, a
// plain trace by asking it again.

import { CAUSES, exportedRows, type ToldLine } from "../why/exported.js";
import { MAGIC, Malformed } from "../why/format.js";
import { CauseReader } from "../why/reader.js";
import { causesOf } from "../why/replay.js";
import { readHeader, type TraceHeader } from "../trace/format.js";
import { Unreadable } from "../trace/source.js";
import { bytesOf, lineOf, reasonOf, recordedIn } from "./lines.js";

/** A recording whose rows come by once. */
export interface Causes {
  /** What stands at its head; known when the first row has come by, or the last of none. */
  header: TraceHeader | null;
  /** A few at a time. */
  readonly rows: AsyncIterable<readonly ToldLine[]>;
  /** Rows that this library answers differently than a plain trace says; known at the end. */
  different: number;
}

/** Opens a recording of any form. Throws Malformed or Unreadable, also from `rows`. */
export async function openCauses(file: string): Promise<Causes> {
  const bytes = bytesOf(file);
  const { isBinary, all } = await begun(file, bytes);
  const causes: Causes = { header: null, rows: none(), different: 0 };
  if (isBinary) return Object.assign(causes, { rows: binaryRows(file, all, causes) });
  const recorded = await recordedIn(file, all);
  if (recorded.header[CAUSES] === true)
    return { header: readHeader(recorded.header, file), rows: oneByOne(exportedRows(recorded)), different: 0 };
  const asked = async function* () {
    const chunks = causesOf(recorded);
    const reader = new CauseReader(file);
    for (;;) {
      const step = await chunks.next();
      if (step.done === true) {
        causes.different = step.value;
        break;
      }
      const rows = reader.feed(step.value);
      causes.header = reader.header;
      yield rows;
    }
    reader.finish();
  };
  return Object.assign(causes, { rows: asked() });
}

/** The bytes of a binary recording. Throws Malformed for any other file. */
export async function openBinary(file: string): Promise<AsyncIterable<unknown>> {
  const { isBinary, all } = await begun(file, bytesOf(file));
  if (!isBinary)
    throw new Malformed(file, 0, "is no recording with causes (record --requests FILE --why makes one of a trace)");
  return guarded(file, all);
}

async function* binaryRows(
  file: string,
  bytes: AsyncIterable<unknown>,
  causes: Causes,
): AsyncGenerator<readonly ToldLine[]> {
  const reader = new CauseReader(file);
  for await (const chunk of guarded(file, bytes)) {
    const rows = reader.feed(chunk as Uint8Array);
    causes.header = reader.header;
    yield rows;
  }
  reader.finish();
  const { facts, rows } = reader;
  if (facts.length > 0) yield [{ i: rows + 1, ask: { op: "end" }, result: {}, state: null, facts }];
}

/** The same bytes; what is wrong with the file itself is Malformed too. */
async function* guarded(file: string, bytes: AsyncIterable<unknown>): AsyncGenerator {
  let offset = 0;
  try {
    for await (const chunk of bytes) {
      offset += (chunk as Uint8Array).length;
      yield chunk;
    }
  } catch (cause) {
    throw new Malformed(file, offset, reasonOf(cause));
  }
}

/** What a file is, by its first bytes, and all of them. */
async function begun(
  file: string,
  bytes: AsyncGenerator,
): Promise<{ readonly isBinary: boolean; readonly all: AsyncIterable<unknown> }> {
  let head: Uint8Array = new Uint8Array(0);
  try {
    while (head.length < MAGIC.length) {
      const step = await bytes.next();
      if (step.done === true) break;
      head = Buffer.concat([head, step.value as Uint8Array]);
    }
  } catch (cause) {
    throw new Unreadable(file, lineOf(cause, 1), reasonOf(cause), { cause });
  }
  const all = async function* () {
    yield head;
    yield* bytes;
  };
  // What breaks off within the magic is taken for the binary form, whose reader says so.
  const isBinary = head.length > 0 && MAGIC.every((byte, at) => at >= head.length || byte === head[at]);
  return { isBinary, all: all() };
}

async function* oneByOne(rows: AsyncIterable<ToldLine>): AsyncGenerator<readonly ToldLine[]> {
  for await (const row of rows) yield [row];
}

async function* none(): AsyncGenerator<readonly ToldLine[]> {}
