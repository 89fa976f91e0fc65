// Looking keys up in a hash map, and adding to values in place, over records in pages of one linear memory. Records and
// slots are drawn in src/execution/map-table.ts, whose functions do the same where pages lie in more than one buffer.
// A record's anchor stands at eight times its reference.

/** Lengths in a record with a key and a value of 8 bytes each: the key's, then those of key, value and the last word. */
const LONG_TO_LONG: u64 = 8 | (20 << 32);

// @ts-ignore: decorator
@inline
function join(low: u32, high: u32): u64 {
  return (<u64>low) | ((<u64>high) << 32);
}

/** The reference of the newest value of a key of 8 bytes, 0 when there is none. `mask` is the number of slots less one. */
export function mapFind8(slots: usize, mask: u32, hash: u32, low: u32, high: u32): u32 {
  const key = join(low, high);
  let slot = hash & mask;
  let step: u32 = 0;
  while (true) {
    const pair = load<u64>(slots + ((<usize>slot) << 3));
    if (pair == 0) return 0;
    if (<u32>pair == hash) {
      const ref = <u32>(pair >> 32);
      const record = (<usize>ref) << 3;
      if (load<u64>(record, 8) == key && load<u32>(record) == 8) return ref;
    }
    slot = (slot + ++step) & mask;
  }
}

/** Adds `delta`, an integer, to the newest value of a key of 8 bytes. 0 when there is none, or not of 8 bytes. */
export function mapAdd8(slots: usize, mask: u32, hash: u32, low: u32, high: u32, delta: f64): u32 {
  const key = join(low, high);
  let slot = hash & mask;
  let step: u32 = 0;
  while (true) {
    const pair = load<u64>(slots + ((<usize>slot) << 3));
    if (pair == 0) return 0;
    if (<u32>pair == hash) {
      const record = (<usize>(pair >> 32)) << 3;
      if (load<u64>(record, 8) == key && load<u64>(record) == LONG_TO_LONG) {
        store<u64>(record, load<u64>(record, 16) + <u64>(<i64>delta), 16);
        return 1;
      }
    }
    slot = (slot + ++step) & mask;
  }
}

/**
 * Puts a record that has been written in front of the chain of its key: its word before the anchor becomes the reference of
 * the next older value. Returns 1 when the key is new.
 */
export function mapLink(slots: usize, mask: u32, hash: u32, ref: u32): u32 {
  const record = (<usize>ref) << 3;
  let slot = hash & mask;
  let step: u32 = 0;
  while (true) {
    const at = slots + ((<usize>slot) << 3);
    const pair = load<u64>(at);
    if (pair == 0 || (<u32>pair == hash && sameKey((<usize>(pair >> 32)) << 3, record))) {
      store<u32>(record - 4, <u32>(pair >> 32));
      store<u64>(at, join(hash, ref));
      return <u32>(pair == 0);
    }
    slot = (slot + ++step) & mask;
  }
}

function sameKey(a: usize, b: usize): bool {
  const bytes = load<u32>(b);
  if (load<u32>(a) != bytes) return false;
  for (const end = a + bytes; a < end; a += 8, b += 8) if (load<u64>(a, 8) != load<u64>(b, 8)) return false;
  return true;
}

/** Puts what `n` slots at `from` hold into the empty slots at `to`, `mask` + 1 of them. */
export function mapRehash(from: usize, n: u32, to: usize, mask: u32): void {
  for (const end = from + ((<usize>n) << 3); from < end; from += 8) {
    const pair = load<u64>(from);
    if (pair == 0) continue;
    let slot = (<u32>pair) & mask;
    let step: u32 = 0;
    while (load<u64>(to + ((<usize>slot) << 3)) != 0) slot = (slot + ++step) & mask;
    store<u64>(to + ((<usize>slot) << 3), pair);
  }
}

/** Additions that are looked up before any of them is carried out, so that what they miss in the cache arrives together. */
const FEW: usize = 128;

/**
 * Carries out the additions from `ops` to `end`: hash, key of 8 bytes, delta as a signed word. A key that is not there is
 * appended, as long as there is room: at `state` the next record's place, the page's end, keys that may still be appended
 * here; then, answered, keys that were; behind, room for 128 references. Returns where it stopped for want of room.
 */
export function mapAddMany(slots: usize, mask: u32, ops: usize, end: usize, state: usize): usize {
  let cursor: usize = load<u32>(state);
  const last = <usize>load<u32>(state, 4);
  const most = load<u32>(state, 8);
  let added: u32 = 0;
  let op = ops;
  let full = false;
  while (op < end && !full) {
    const few = min(end, op + (FEW << 4));
    touch(slots, mask, op, few, state + 16);
    for (; op < few; op += 16) {
      const hash = load<u32>(op);
      const key = load<u64>(op, 4);
      const delta = <u64>(<i64>load<i32>(op, 12));
      let slot = hash & mask;
      let step: u32 = 0;
      while (true) {
        const at = slots + ((<usize>slot) << 3);
        const pair = load<u64>(at);
        if (pair == 0) {
          full = added == most || cursor + 32 > last;
          if (full) break;
          const record = cursor + 4;
          store<u32>(cursor, 0);
          store<u64>(record, LONG_TO_LONG);
          store<u64>(record, key, 8);
          store<u64>(record, delta, 16);
          store<u32>(record, 8, 24);
          store<u64>(at, join(hash, <u32>(record >> 3)));
          cursor += 32;
          added++;
          break;
        }
        if (<u32>pair == hash) {
          const record = (<usize>(pair >> 32)) << 3;
          if (load<u64>(record, 8) == key && load<u64>(record) == LONG_TO_LONG) {
            store<u64>(record, load<u64>(record, 16) + delta, 16);
            break;
          }
        }
        slot = (slot + ++step) & mask;
      }
      if (full) break;
    }
  }
  store<u32>(state, <u32>cursor);
  store<u32>(state, added, 12);
  return op;
}

/** Reads the first slot of every addition, then the record that it names. */
function touch(slots: usize, mask: u32, op: usize, end: usize, refs: usize): void {
  let to = refs;
  for (; op < end; op += 16, to += 4) store<u32>(to, load<u32>(slots + ((<usize>(load<u32>(op) & mask)) << 3), 4));
  let sum: u32 = 0;
  for (let ref = refs; ref < to; ref += 4) sum ^= load<u32>((<usize>load<u32>(ref)) << 3);
  // Keeps the reads from being optimized away.
  store<u32>(refs, sum);
}
