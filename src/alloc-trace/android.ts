// The traces of Android's memory_replay: `THREAD: malloc POINTER BYTES` and its kin. Pointers name blocks. The threads of
// the recorded process were interleaved by the recorder, so a pointer may be given out again on a line before the one
// that frees it; such blocks queue under their pointer, and the oldest is freed first.

import { textLines } from "./lines.js";
import { ALLOCATE, ALLOCATE_ZEROED, type AllocTrace, TraceBuilder, TraceError } from "./trace.js";

/** Number of operands of each operation. */
const OPERANDS: Readonly<Record<string, number>> = {
  malloc: 2,
  calloc: 3,
  memalign: 3,
  realloc: 3,
  free: 1,
  thread_done: 1,
};
const LINE = /^(\d+): ([a-z_]+)((?: (?:0x[0-9a-f]{1,16}|\d{1,20}))+)$/;
const NULL = /^0x0+$/;

/** Decodes `text`; `file` names it in errors. `thread_done` lines are not operations. Throws TraceError with the line. */
export function readAndroid(text: Uint8Array, file: string): AllocTrace {
  const builder = new TraceBuilder();
  // By the text of the pointer: all 64 bits of it count.
  const live = new Map<string, number | number[]>();

  const add = (pointer: string, block: number): void => {
    const there = live.get(pointer);
    if (there === undefined) live.set(pointer, block);
    else if (typeof there === "number") live.set(pointer, [there, block]);
    else there.push(block);
  };
  const take = (pointer: string): number | undefined => {
    const there = live.get(pointer);
    if (typeof there !== "object") {
      live.delete(pointer);
      return there;
    }
    const oldest = there.shift()!;
    if (there.length === 1) live.set(pointer, there[0]!);
    return oldest;
  };

  for (const { line, number } of textLines(text, file)) {
    const fail = (why: string): never => {
      throw new TraceError(file, { line: number }, why);
    };
    const match = LINE.exec(line);
    const verb = match?.[2] ?? "";
    const operands = match?.[3]?.slice(1).split(" ") ?? [];
    if (OPERANDS[verb] !== operands.length)
      fail(`expected THREAD: OPERATION POINTER ..., found ${JSON.stringify(line.slice(0, 60))}`);
    builder.thread(match![1]!);
    const [pointer = "", old = ""] = operands;
    const [, second = 0, third = 0] = operands.map(Number);
    switch (verb) {
      case "malloc":
        add(pointer, builder.allocate(ALLOCATE, second, 0));
        break;
      case "calloc":
        add(pointer, builder.allocate(ALLOCATE_ZEROED, second * third, 0));
        break;
      case "memalign": {
        if (second < 1 || second > 2 ** 31 || (second & (second - 1)) !== 0)
          fail(`alignment ${second} is not a power of two`);
        add(pointer, builder.allocate(ALLOCATE, third, second));
        break;
      }
      case "realloc": {
        if (NULL.test(old)) {
          add(pointer, builder.allocate(ALLOCATE, third, 0));
          break;
        }
        const block = take(old) ?? fail(`reallocates ${old}, which is not live`);
        if (NULL.test(pointer)) builder.free(block);
        else {
          builder.reallocate(block, third);
          add(pointer, block);
        }
        break;
      }
      case "free":
        if (NULL.test(pointer)) builder.nothing();
        else builder.free(take(pointer) ?? fail(`frees ${pointer}, which is not live`));
        break;
      default:
    }
  }
  return builder.finish("android");
}
