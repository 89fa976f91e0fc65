// The lines of a text trace, with their numbers for errors.

import { TraceError } from "./trace.js";

/** Every line that is not blank, without its end, numbered from 1. A text with no such line, or with a NUL byte, is a TraceError. */
export function* textLines(text: Uint8Array, file: string): Generator<{ line: string; number: number }> {
  const binary = text.indexOf(0);
  if (binary >= 0) throw new TraceError(file, { offset: binary }, "this is not text");
  let found = false;
  let number = 0;
  for (const line of new TextDecoder("latin1").decode(text).split("\n")) {
    number += 1;
    const trimmed = line.trim();
    if (trimmed === "") continue;
    found = true;
    yield { line: trimmed, number };
  }
  if (!found) throw new TraceError(file, { line: 1 }, "holds no operation");
}
