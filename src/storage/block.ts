// Block ids. A partition of an RDD is known by a number, every other block by its name; Spark's spelling of a partition,
// `rdd_2_7`, is understood everywhere and means the same block as its number.

import { Refusal } from "../fault.js";

/** A name, or what `rddBlock` gives for a partition. */
export type BlockId = string | number;

/** RDD id of a block that belongs to no RDD. */
export const NO_RDD = -1;

// 26 bits each: together they fit a safe integer.
const SPAN = 2 ** 26;
const INVERSE = 1 / SPAN;

const ZERO = 48;
const NINE = 57;

/**
 * The id of a partition of an RDD. Both numbers are whole, 0 to 2^26 - 1; beyond that a partition goes by its name.
 *
 * @example
 * ```ts
 * import { openExecutor, rddBlock } from "tungsten-memory";
 *
 * const { store } = openExecutor();
 * store.put(rddBlock(3, 0), Uint8Array.of(1, 2, 3));
 * console.log(store.has("rdd_3_0")); // true
 * ```
 */
export function rddBlock(rdd: number, partition: number): BlockId {
  const small = rdd >= 0 && rdd < SPAN && partition >= 0 && partition < SPAN;
  return small ? rdd * SPAN + partition : `rdd_${rdd}_${partition}`;
}

/** The id under which a block is kept: a number for `rdd_2_7`, else the name itself. */
export function canonical(id: BlockId): BlockId {
  if (typeof id === "number") {
    if (id >= 0 && Number.isSafeInteger(id)) return id;
    throw new Refusal(`a block is known by a name or by what rddBlock gives, not by ${id}`);
  }
  if (!id.startsWith("rdd_")) return id;
  const underscore = id.indexOf("_", 4);
  if (underscore === -1) return id;
  const rdd = decimal(id, 4, underscore);
  const partition = decimal(id, underscore + 1, id.length);
  return rdd < 0 || partition < 0 ? id : rdd * SPAN + partition;
}

/** The block's name, as Spark writes it. */
export function blockName(id: BlockId): string {
  if (typeof id === "string") return id;
  const rdd = rddPart(id);
  return `rdd_${rdd}_${id - rdd * SPAN}`;
}

/** The RDD that a block belongs to, or NO_RDD. `id` is canonical. */
export function rddOf(id: BlockId): number {
  if (typeof id === "number") return rddPart(id);
  const match = /^rdd_(\d+)_\d+$/.exec(id);
  return match === null ? NO_RDD : Number(match[1]);
}

/** The RDD of a numeric id. */
export function rddPart(id: number): number {
  return Math.floor(id * INVERSE);
}

/** The partition of a numeric id of that RDD. */
export function partitionPart(id: number, rdd: number): number {
  return id - rdd * SPAN;
}

// The number that id[from, to) spells, or -1 where it is none, has a leading zero or does not fit.
function decimal(text: string, from: number, to: number): number {
  if (to === from || (to - from > 1 && text.charCodeAt(from) === ZERO)) return -1;
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return -1;
    value = 10 * value + code - ZERO;
  }
  return value < SPAN ? value : -1;
}
