// Murmur3 for 32 bits (x86), seed 42, over whole 32-bit words: the hash by which Spark's map, exchange and `hash` agree.

const SEED = 42;

/** The hash of `bytes` bytes (a multiple of 4) from word `word` of `words`; signed. */
export function hashWords(words: Int32Array, word: number, bytes: number): number {
  let hash = SEED;
  for (let end = word + (bytes >>> 2); word < end; word += 1) hash = mix(hash, words[word]!);
  return finish(hash ^ bytes);
}

/** The same of two words. */
export function hashLong(low: number, high: number): number {
  return finish(mix(mix(SEED, low), high) ^ 8);
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  hash ^= Math.imul(k, 0x1b873593);
  hash = (hash << 13) | (hash >>> 19);
  return (Math.imul(hash, 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
