// Block names, as Spark writes them: `rdd_2_7` is a partition of RDD 2; any other name belongs to no RDD.

/** RDD id of a name that belongs to no RDD. */
export const NO_RDD = -1;

const ZERO = 48;
const UNDERSCORE = 95;

/** The RDD that a block belongs to, or NO_RDD. */
export function rddOf(block: string): number {
  if (!block.startsWith("rdd_")) return NO_RDD;
  let rdd = 0;
  let at = 4;
  let code = block.charCodeAt(at);
  for (; code >= ZERO && code <= ZERO + 9; code = block.charCodeAt(at)) {
    rdd = 10 * rdd + code - ZERO;
    at += 1;
  }
  return at > 4 && code === UNDERSCORE && isNumber(block, at + 1) ? rdd : NO_RDD;
}

function isNumber(text: string, from: number): boolean {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > ZERO + 9) return false;
  }
  return from < text.length;
}
