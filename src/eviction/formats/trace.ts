// What reading a trace of requests means: bytes come in pieces as a file is read, requests go out in columns with their
// objects numbered. The names that a recorder gave them end here.

import { TraceError } from "../../alloc-trace/trace.js";
import { Numbering } from "../numbering.js";
import { MOST_OBJECTS } from "../queues.js";
import type { Requests } from "../requests.js";

export { TraceError };

/** Takes the uncompressed bytes of a trace piece by piece. Both methods throw TraceError. */
export interface TraceReader {
  write(bytes: Uint8Array): void;
  /** After the last piece. */
  end(): Requests;
}

/** Collects requests. */
export class RequestBuilder {
  readonly #numbering = new Numbering();
  #ids = new Uint32Array(4096);
  #sizes: Float64Array | null;
  #requests = 0;

  /** `sized`: requests come with sizes. */
  constructor(sized: boolean) {
    this.#sizes = sized ? new Float64Array(4096) : null;
  }

  get requests(): number {
    return this.#requests;
  }

  /** A request for the object whose name has these halves of 32 bits. */
  add(low: number, high: number, size: number = 1): void {
    if (this.#requests === this.#ids.length) this.#grow();
    this.#ids[this.#requests] = this.#numbering.of(low, high);
    if (this.#sizes !== null) this.#sizes[this.#requests] = size;
    this.#requests += 1;
  }

  /** The requests; `file` and `end`, the length of the input, name the place of an error. */
  finish(file: string, end: number): Requests {
    if (this.#requests === 0) throw new TraceError(file, { offset: end }, "holds no request");
    if (this.#numbering.size > MOST_OBJECTS)
      throw new TraceError(file, { offset: end }, `names more than ${MOST_OBJECTS} objects`);
    return {
      ids: this.#ids.slice(0, this.#requests),
      objects: this.#numbering.size,
      sizes: this.#sizes?.slice(0, this.#requests) ?? null,
    };
  }

  #grow(): void {
    const length = 2 * this.#ids.length;
    const ids = new Uint32Array(length);
    ids.set(this.#ids);
    this.#ids = ids;
    if (this.#sizes === null) return;
    const sizes = new Float64Array(length);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
  }
}
