// The text formats, a line a request or a run of them.

import { textReader } from "./text.js";
import { RequestBuilder, type TraceReader } from "./trace.js";

const TWO_32 = 2 ** 32;

/** Most requests that one line may stand for, against a torn line that asks for more than any trace holds. */
const MOST_RUN = 2 ** 24;

/** ARC: `START COUNT IGNORED REQUEST`, COUNT pages from START on (Megiddo and Modha). */
export function arcReader(file: string): TraceReader {
  const builder = new RequestBuilder(false);
  return textReader(file, builder, (line) => {
    const start = line.count("the first page");
    const pages = line.count("the number of pages");
    line.count("the third field");
    line.count("the number of the request");
    if (!line.done) throw line.trouble("has more than four fields");
    if (pages > MOST_RUN) throw line.trouble(`asks for ${pages} pages at once`);
    if (start + pages > Number.MAX_SAFE_INTEGER) throw line.trouble("ends with a page of 2^53 or more");
    for (let page = start; page < start + pages; page += 1) builder.add(page % TWO_32, Math.floor(page / TWO_32));
  });
}

/** LIRS: a block number a line (Jiang and Zhang). */
export function lirsReader(file: string): TraceReader {
  const builder = new RequestBuilder(false);
  return textReader(file, builder, (line) => {
    line.name("the block number");
    if (!line.done) throw line.trouble("has more than one field");
    builder.add(line.low, line.high);
  });
}

const LOAD = 108;
const STORE = 115;

/** Memory accesses: `l|s 0xADDRESS GAP`; the object is the address without its lowest `shift` bits, 0 to 63. */
export function addressReader(file: string, shift: number): TraceReader {
  const builder = new RequestBuilder(false);
  return textReader(file, builder, (line) => {
    const kind = line.peek();
    if (kind !== LOAD && kind !== STORE) throw line.trouble("is neither a load (l) nor a store (s)");
    line.skip();
    line.endField("the kind of access");
    line.hexName("the address");
    const { low, high } = line;
    line.count("the gap");
    if (!line.done) throw line.trouble("has more than three fields");
    if (shift >= 32) builder.add(high >>> (shift - 32), 0);
    else if (shift === 0) builder.add(low, high);
    else builder.add(((high << (32 - shift)) | (low >>> shift)) >>> 0, high >>> shift);
  });
}

/** AdaptSize: `TIME ID SIZE`, sizes in bytes. */
export function adaptSizeReader(file: string): TraceReader {
  const builder = new RequestBuilder(true);
  return textReader(file, builder, (line) => {
    line.name("the time");
    line.name("the object");
    const { low, high } = line;
    const size = line.count("the size");
    if (!line.done) throw line.trouble("has more than three fields");
    builder.add(low, high, size);
  });
}
