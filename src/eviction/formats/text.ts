// Traces of lines of numbers, read byte by byte, since a text of millions of lines is costly as strings. A line may end in CR
// LF; the last one may lack its line feed.

import type { Requests } from "../requests.js";
import { type RequestBuilder, TraceError, type TraceReader } from "./trace.js";

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const STAR = 42;
const ZERO = 48;
const NINE = 57;

/** Longest line, bytes: none of these formats comes near. */
const MOST_LINE = 4096;

const TWO_32 = 2 ** 32;
/** Below this a decimal number takes one digit more and stays exact. */
const EXACT = (2 ** 53 - 10) / 10;

/** One line while it is taken apart, field by field. */
export class Line {
  /** Halves of the number that was read last. */
  low = 0;
  high = 0;
  number = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The line `bytes[at, end)`, without its end. */
  open(bytes: Uint8Array, at: number, end: number): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.number += 1;
    this.#skipBlanks();
  }

  /** Whether nothing is left of the line. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** The next byte, NaN at the end. */
  peek(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : Number.NaN;
  }

  /** Steps over one byte. */
  skip(): void {
    this.#at += 1;
  }

  /** Ends a field: a blank or the end of the line must come. */
  endField(what: string): void {
    if (this.#at < this.#end && !isBlank(this.#bytes[this.#at]!)) throw this.trouble(`${what} is not a number`);
    this.#skipBlanks();
  }

  /** A decimal number of up to 64 bits, into `low` and `high`. */
  name(what: string): void {
    const start = this.#at;
    let value = 0;
    let byte = this.peek();
    while (byte >= ZERO && byte <= NINE && value < EXACT) {
      value = 10 * value + byte - ZERO;
      this.#at += 1;
      byte = this.peek();
    }
    this.high = Math.floor(value / TWO_32);
    this.low = value % TWO_32;
    while (byte >= ZERO && byte <= NINE) {
      const low = 10 * this.low + byte - ZERO;
      this.low = low % TWO_32;
      this.high = 10 * this.high + Math.floor(low / TWO_32);
      if (this.high >= TWO_32) throw this.trouble(`${what} does not fit 64 bits`);
      this.#at += 1;
      byte = this.peek();
    }
    if (this.#at === start) throw this.trouble(this.done ? `${what} is missing` : `${what} is not a number`);
    this.endField(what);
  }

  /** A hexadecimal number of up to 64 bits, `0x` before it or not, into `low` and `high`. */
  hexName(what: string): void {
    if (this.peek() === ZERO && ((this.#bytes[this.#at + 1] ?? 0) | 0x20) === 0x78) this.#at += 2;
    const start = this.#at;
    this.low = 0;
    this.high = 0;
    for (let digit = hexDigit(this.peek()); digit >= 0; digit = hexDigit(this.peek())) {
      if (this.high >= 2 ** 28) throw this.trouble(`${what} does not fit 64 bits`);
      this.high = 16 * this.high + (this.low >>> 28);
      this.low = ((this.low << 4) | digit) >>> 0;
      this.#at += 1;
    }
    if (this.#at === start) throw this.trouble(this.done ? `${what} is missing` : `${what} is not a number`);
    this.endField(what);
  }

  /** A decimal number below 2^53. */
  count(what: string): number {
    this.name(what);
    if (this.high >= 2 ** 21) throw this.trouble(`${what} is 2^53 or more`);
    return this.high * TWO_32 + this.low;
  }

  /** The error of this line. */
  trouble(why: string): TraceError {
    return new TraceError(this.#file, { line: this.number }, why);
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && isBlank(this.#bytes[this.#at]!)) this.#at += 1;
  }
}

/** A reader that gives every line that is not blank to `request`; lines of `*` alone part sections in some traces and are skipped. */
export function textReader(file: string, builder: RequestBuilder, request: (line: Line) => void): TraceReader {
  const line = new Line(file);
  let rest: Uint8Array = new Uint8Array(0);
  let offset = 0;
  const take = (bytes: Uint8Array, at: number, end: number): void => {
    line.open(bytes, at, end);
    if (line.done) return;
    if (line.peek() === STAR) {
      line.skip();
      line.endField("a line of *");
      if (line.done) return;
    }
    request(line);
  };
  const tooLong = (): TraceError =>
    new TraceError(file, { line: line.number + 1 }, `is longer than ${MOST_LINE} bytes: this is no such text`);
  return {
    write(piece) {
      offset += piece.length;
      const bytes = rest.length === 0 ? piece : joined(rest, piece);
      let at = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
        if (end - at > MOST_LINE) throw tooLong();
        take(bytes, at, end);
        at = end + 1;
      }
      if (bytes.length - at > MOST_LINE) throw tooLong();
      // Whoever reads the file may use its buffer again.
      rest = bytes.slice(at);
    },
    end(): Requests {
      if (rest.length > 0) take(rest, 0, rest.length);
      return builder.finish(file, offset);
    },
  };
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CARRIAGE_RETURN;
}

// -1 for what is no digit.
function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const letter = (byte | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
