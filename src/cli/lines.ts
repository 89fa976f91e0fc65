// The lines of a recorded file, plain or gzipped, one at a time: a file may be larger than memory.

import { once } from "node:events";
import { createReadStream, type ReadStream, statSync } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { humanBytes } from "../human.js";
import { objectOn, Unreadable, type Line, type RecordedFile } from "../trace/source.js";
import { clearStatus, showStatus } from "./output.js";
import { isSystemError } from "./trouble.js";

/** Longest line, characters. A file without line feeds must not fill the memory. */
const MAX_LINE = 2 ** 28;

/** Opens a file and reads its header. Throws Unreadable, also from `rows`: no such file, torn gzip, no last line feed, not UTF-8. */
export async function openRecorded(file: string): Promise<RecordedFile> {
  return recordedIn(file, bytesOf(file));
}

/** The same for a file whose bytes are being read already. */
export async function recordedIn(file: string, bytes: AsyncIterable<unknown>): Promise<RecordedFile> {
  const lines = linesOf(file, bytes);
  const first = await lines.next();
  if (first.done) throw new Unreadable(file, 1, "is empty");
  try {
    return { file, header: objectOn(file, first.value), rows: lines };
  } catch (error) {
    await lines.return(undefined);
    throw error;
  }
}

async function* linesOf(file: string, bytes: AsyncIterable<unknown>): AsyncGenerator<Line, undefined> {
  let line = 0;
  let rest = "";
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for await (const chunk of bytes) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true });
      let start = 0;
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
        line += 1;
        yield { line, text: rest.slice(start, end) };
        start = end + 1;
      }
      rest = rest.slice(start);
      if (rest.length > MAX_LINE) throw new Unreadable(file, line + 1, `is longer than ${MAX_LINE} characters`);
    }
    rest += decoder.decode();
  } catch (cause) {
    if (cause instanceof Unreadable) throw cause;
    throw new Unreadable(file, lineOf(cause, line + 1), reasonOf(cause), { cause });
  }
  if (rest !== "") throw new Unreadable(file, line + 1, "does not end with a line feed: the file is cut off");
  return undefined;
}

/** The bytes of a file or pipe, unpacked when they begin as gzip does. What is wrong with it comes out of the iteration. */
export async function* bytesOf(file: string): AsyncGenerator<unknown, void> {
  yield* await contents(file);
}

/** The bytes of a file or pipe, unpacked when they begin as gzip does. */
export async function contents(file: string): Promise<AsyncIterable<unknown>> {
  const source = createReadStream(file);
  await once(source, "readable");
  const magic = source.read(2) as Uint8Array | null;
  if (magic === null) return source;
  source.unshift(magic);
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return watched(source, source, file);
  // An error anywhere destroys both streams and comes out of the iteration.
  return watched(
    pipeline(source, createGunzip(), () => {}),
    source,
    file,
  );
}

/** The same pieces; a terminal is told how much of their file has been read. */
export async function* watched(
  pieces: AsyncIterable<unknown>,
  source: ReadStream,
  file: string,
): AsyncGenerator<unknown, void> {
  const all = statSync(file).size;
  const part = (): string =>
    all > 0 ? `${((100 * source.bytesRead) / all).toFixed(0)} % of ${humanBytes(all)}` : humanBytes(source.bytesRead);
  try {
    for await (const piece of pieces) {
      showStatus(() => `${file}: ${part()} read`);
      yield piece;
    }
  } finally {
    clearStatus();
  }
}

/** The line that something is wrong with: `reading`, but none when it is the system that refuses the file. */
export function lineOf(cause: unknown, reading: number): number {
  return isSystemError(cause) ? 0 : reading;
}

/** What is wrong with a file, in words. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "is not UTF-8 text";
  if ("code" in cause && cause.code === "Z_BUF_ERROR") return "gzip stream ends early: the file is cut off";
  return cause.message;
}
