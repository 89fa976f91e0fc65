// The traces of wee_alloc: one `Alloc(BYTES),` or `Free(N),` a line, where N counts the Allocs from 0.

import { textLines } from "./lines.js";
import { ALLOCATE, type AllocTrace, TraceBuilder, TraceError } from "./trace.js";

const LINE = /^(Alloc|Free)\((\d{1,20})\),$/;
const GONE = -1;

/** Decodes `text`; `file` names it in errors. Throws TraceError with the line. */
export function readWee(text: Uint8Array, file: string): AllocTrace {
  const builder = new TraceBuilder();
  const blocks: number[] = [];
  for (const { line, number } of textLines(text, file)) {
    const match = LINE.exec(line);
    const fail = (why: string): never => {
      throw new TraceError(file, { line: number }, why);
    };
    if (match === null) fail(`expected Alloc(BYTES), or Free(N), and found ${JSON.stringify(line.slice(0, 60))}`);
    const value = Number(match![2]);
    if (match![1] === "Alloc") {
      blocks.push(builder.allocate(ALLOCATE, value, 0));
      continue;
    }
    const block = blocks[value];
    if (block === undefined) fail(`frees allocation ${value} before it is made`);
    if (block === GONE) fail(`frees allocation ${value} a second time`);
    builder.free(block!);
    blocks[value] = GONE;
  }
  return builder.finish("wee");
}
