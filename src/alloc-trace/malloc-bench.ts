// The traces of malloc-bench: one protobuf message. Field 1, repeated, is an operation that holds exactly one sub-message;
// field 2 is the largest number of blocks live at once. The few rules of the wire format that this needs are written out
// here.

import { ALLOCATE, ALLOCATE_ZEROED, type AllocTrace, TraceBuilder, TraceError } from "./trace.js";

const OPERATION = 1;
const MOST_LIVE = 2;

const MALLOC = 1;
const FREE = 2;
const REALLOC = 3;
const CALLOC = 4;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Decodes `message`; `file` names it in errors. Throws TraceError with the byte offset. */
export function readMallocBench(message: Uint8Array, file: string): AllocTrace {
  const builder = new TraceBuilder();
  const live = new Map<number, number>();
  let at = 0;

  const fail = (why: string, offset = at): never => {
    throw new TraceError(file, { offset }, why);
  };
  const varint = (end: number): number => {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 63) fail("a number is longer than ten bytes");
    }
    return fail("the message ends inside a number");
  };
  /** Reads a tag that must be `LENGTH_DELIMITED`, and returns its field number; `at` is then the start of its `inner` bytes. */
  let innerEnd = 0;
  const open = (tag: number, end: number): number => {
    const start = at;
    if (tag % 8 !== LENGTH_DELIMITED) fail(`field ${Math.floor(tag / 8)} has wire type ${tag % 8}`, start);
    const length = varint(end);
    innerEnd = at + length;
    if (innerEnd > end) fail(`the message ends inside a field of ${length} bytes`, end);
    return Math.floor(tag / 8);
  };

  const fields = [0, 0, 0, 0];
  let mostLive: number | null = null;
  if (message.length === 0) fail("holds no operation");
  while (at < message.length) {
    const start = at;
    const tag = varint(message.length);
    if (tag === MOST_LIVE * 8 + VARINT) {
      mostLive = varint(message.length);
      continue;
    }
    if (open(tag, message.length) !== OPERATION) fail(`field ${Math.floor(tag / 8)} is not part of a trace`, start);
    const operationEnd = innerEnd;
    if (at === operationEnd) fail("an operation is empty", start);
    const verb = open(varint(operationEnd), operationEnd);
    if (innerEnd !== operationEnd) fail("an operation holds more than one sub-message", start);
    fields.fill(-1);
    for (;;) {
      if (at === operationEnd) break;
      const field = varint(operationEnd);
      if (field % 8 !== VARINT || field < 8 || field >= 32)
        fail(`field ${Math.floor(field / 8)} is not one of an operation`);
      fields[Math.floor(field / 8)] = varint(operationEnd);
    }
    apply(verb, start);
  }
  if (mostLive === null) fail("ends before the number of live blocks, its last field");
  return builder.finish("malloc-bench");

  function apply(verb: number, start: number): void {
    const first = fields[1]!;
    const second = fields[2]!;
    const third = Math.max(0, fields[3]!);
    switch (verb) {
      case MALLOC: {
        const align = third;
        if (align > 2 ** 31 || (align & (align - 1)) !== 0) fail(`alignment ${align} is not a power of two`, start);
        add(first, builder.allocate(ALLOCATE, Math.max(0, second), align), start);
        break;
      }
      case CALLOC:
        add(first, builder.allocate(ALLOCATE_ZEROED, Math.max(0, second) * third, 0), start);
        break;
      case REALLOC:
        if (second === -1) {
          add(first, builder.allocate(ALLOCATE, third, 0), start);
        } else {
          const block = take(second, start);
          if (first === -1) builder.free(block);
          else {
            builder.reallocate(block, third);
            add(first, block, start);
          }
        }
        break;
      case FREE:
        if (first === -1) builder.nothing();
        else builder.free(take(first, start));
        break;
      default:
        fail(`operation ${verb} is not known`, start);
    }
  }

  function add(id: number, block: number, start: number): void {
    if (live.has(id)) fail(`block ${id} is given out while it is live`, start);
    if (id !== -1) live.set(id, block);
  }

  function take(id: number, start: number): number {
    const block = live.get(id);
    if (block === undefined) return fail(`block ${id} is not live`, start);
    live.delete(id);
    return block;
  }
}
