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
const LINE = /^\d+: ([a-z_]+)((?: (?:0x[0-9a-f]{1,16}|\d{1,16}))+)$/;
const NULL = 0;

/** Decodes `text`; `file` names it in errors. `thread_done` lines are not operations. Throws TraceError with the line. */
export function readAndroid(text: Uint8Array, file: string): AllocTrace {
  const builder = new TraceBuilder();
  const live = new Map<number, number | number[]>();

  const add = (pointer: number, block: number): void => {
    const there = live.get(pointer);
    if (there === undefined) live.set(pointer, block);
    else if (typeof there === "number") live.set(pointer, [there, block]);
    else there.push(block);
  };
  const take = (pointer: number): number | undefined => {
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
    const verb = match?.[1] ?? "";
    const operands = match?.[2]?.slice(1).split(" ") ?? [];
    if (OPERANDS[verb] !== operands.length)
      fail(`expected THREAD: OPERATION POINTER ..., found ${JSON.stringify(line.slice(0, 60))}`);
    const [pointer = NULL, second = 0, third = 0] = operands.map(Number);
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
        if (second === NULL) {
          add(pointer, builder.allocate(ALLOCATE, third, 0));
          break;
        }
        const block = take(second) ?? fail(`reallocates 0x${second.toString(16)}, which is not live`);
        if (pointer === NULL) builder.free(block);
        else {
          builder.reallocate(block, third);
          add(pointer, block);
        }
        break;
      }
      case "free":
        if (pointer === NULL) builder.nothing();
        else builder.free(take(pointer) ?? fail(`frees 0x${pointer.toString(16)}, which is not live`));
        break;
      default:
    }
  }
  return builder.finish("android");
}
