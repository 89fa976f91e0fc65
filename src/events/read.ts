// Reads an event log to its end, line by line. Every line must be an event, known or not: what is none is named with its
// file and line.

import { BadField } from "../trace/json.js";
import { Unreadable, type Line } from "../trace/source.js";
import { parseEvent, type LogEvent } from "./event.js";
import { EventLog } from "./log.js";

/** A line of one of the files of a log. */
export interface LogLine extends Line {
  readonly file: string;
  /** No line feed ends it: it is the last of its file. */
  readonly unended: boolean;
}

export interface ReadOptions {
  /** The application is still writing: a last line that is cut short is passed over. */
  readonly inProgress: boolean;
  /** Told now and then how many events have been read. */
  readonly onProgress?: (events: number) => void;
}

const PROGRESS_EVERY = 20_000;

/** Takes in a whole log. Throws Unreadable with the file and the line. */
export async function readLog(
  name: string,
  lines: AsyncIterable<LogLine>,
  { inProgress, onProgress }: ReadOptions,
): Promise<EventLog> {
  const log = new EventLog();
  let events = 0;
  let last: LogLine | null = null;
  for await (const line of lines) {
    last = line;
    if (line.text.trim() === "") continue;
    const event = eventOn(line, inProgress);
    if (event === undefined) continue;
    log.add(event);
    events += 1;
    if (events % PROGRESS_EVERY === 0) onProgress?.(events);
  }
  if (last === null) throw new Unreadable(name, 1, "is empty");
  if (!log.isSpark) throw new Unreadable(last.file, last.line, "ends, and no event of Spark's is among the lines");
  return log;
}

/** The event on a line; undefined when there is none to take. */
function eventOn(line: LogLine, inProgress: boolean): LogEvent | null | undefined {
  try {
    return parseEvent(line.text);
  } catch (cause) {
    if (cause instanceof BadField) throw new Unreadable(line.file, line.line, cause.message, { cause });
    if (!(cause instanceof SyntaxError)) throw cause;
    if (line.unended) {
      if (inProgress) return undefined;
      throw cutOff(line, cause);
    }
    throw new Unreadable(line.file, line.line, `is not JSON: ${cause.message}`, { cause });
  }
}

function cutOff({ file, line, text }: LogLine, cause?: unknown): Unreadable {
  return new Unreadable(
    file,
    line,
    `is cut off after ${text.length} characters: the file is truncated, or its application was still writing (--in-progress reads what is there)`,
    { cause },
  );
}
