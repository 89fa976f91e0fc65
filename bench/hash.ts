// One hash for every bench and every peer, so that equal work can be told from different work at a glance: a word is mixed in
// by a bijection of the state, so a single changed answer always changes the result, and so does the order.

/** Mixes the low 32 bits of `word` into `hash`; both and the result are signed 32-bit integers. */
export function fold(hash: number, word: number): number {
  const mixed = hash ^ word;
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x9e3779b1);
}

/** Eight hexadecimal digits. */
export function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, "0");
}
