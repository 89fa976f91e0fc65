// What a dead worker leaves. Its blocks, live or cached, are found by their holder. If it died with the lock, the tables
// may be half changed: then chain, lists and counts are built again from the blocks that have a holder, which is all that
// they follow from. Nothing is remembered for this while all are well, and who dies in a repair leaves the next one the
// same work.

import { freeBlock, insertFree, takeRecord } from "./arena";
import {
  AT_LOCK,
  BUSY,
  CACHED,
  clearPlace,
  DEAD,
  HOLDER,
  IN_BURIAL,
  placeOf,
  RECOVERED,
  self,
  settleGoing,
  STATE,
  VACANT,
} from "./crew";
import { CONTENDED, lockGive, lockSleep } from "./lock";
import {
  addressOf,
  AT_COLUMNS,
  AT_FREE_BLOCKS,
  AT_LAST,
  AT_LISTS,
  AT_LIVE,
  AT_PEAK_TOP,
  AT_RECORDS,
  AT_ROWS,
  AT_SPARE,
  AT_TOP,
  AT_USED,
  bytesOf,
  COLUMNS,
  FIRST_ADDRESS,
  firstRecord,
  FREE,
  record,
  recordStep,
  ROWS,
  UNUSED,
  USED,
  workers,
} from "./map";

/** How often a sleeper looks whether the lock's owner has been called dead. */
const LOOK_NS: i64 = 10_000_000;

/** Whether the burial is this instance's own, who lives and leaves: it is not called dead, or others would break its lock. */
let leaves = false;

/**
 * Takes the lock to take back what `worker`, who must have ended or is the caller, holds, and what all others hold that have
 * been called dead before: their blocks are the caller's now, and BUSY. Answers whether the tables are torn (1) or whole (0); or -1 when a
 * worker not called dead kept the lock for `nanoseconds`. Then nothing has happened, and `worker` stays called dead.
 */
export function crewInherit(worker: u32, nanoseconds: f64): i32 {
  leaves = worker == self();
  if (!leaves) atomic.store<u32>(placeOf(worker) + STATE, DEAD);
  let left = <i64>nanoseconds;
  let torn = false;
  // Taken with CONTENDED: the dead may have died with a wake-up that was meant for others.
  while (true) {
    const owner = atomic.load<u32>(AT_LOCK);
    torn = isDead(owner & ~CONTENDED);
    if (owner == 0 || torn) {
      if (atomic.cmpxchg<u32>(AT_LOCK, owner, self() | CONTENDED) == owner) break;
    } else if (!lockSleep(AT_LOCK, owner, min(LOOK_NS, left))) {
      left -= LOOK_NS;
      if (left <= 0) return -1;
    }
  }
  // Who is called dead from here on is another burial's.
  for (let each: u32 = 1; each <= workers(); each += 1) {
    if (isDead(each)) atomic.store<u32>(placeOf(each) + STATE, IN_BURIAL);
  }
  if (torn) settleGoing();
  for (let index = firstRecord(); index < load<u32>(AT_RECORDS); index += recordStep()) inherit(record(index), torn);
  return torn ? 1 : 0;
}

function inherit(at: usize, torn: bool): void {
  let holder = atomic.load<u32>(at + HOLDER);
  // A live worker may free a block of a dead one just now.
  while (isBuried(holder & ~(CACHED | BUSY))) {
    const found = atomic.cmpxchg<u32>(at + HOLDER, holder, self() | BUSY);
    if (found == holder) return;
    holder = found;
  }
  if (torn && (holder & BUSY) != 0) atomic.store<u32>(at + HOLDER, holder & ~BUSY);
}

function isDead(worker: u32): bool {
  return worker != 0 && atomic.load<u32>(placeOf(worker) + STATE) >= DEAD;
}

function isBuried(worker: u32): bool {
  if (worker == 0) return false;
  return (leaves && worker == self()) || atomic.load<u32>(placeOf(worker) + STATE) == IN_BURIAL;
}

/**
 * Ends what crewInherit has begun: gives the blocks back, one by one to whole tables, and makes the places vacant. Answers how
 * many blocks there were; their bytes are in the caller's place.
 */
export function crewBury(torn: bool): u32 {
  let blocks: u32 = 0;
  let bytes: u32 = 0;
  for (let index = firstRecord(); index < load<u32>(AT_RECORDS); index += recordStep()) {
    const at = record(index);
    if (atomic.load<u32>(at + HOLDER) != (self() | BUSY)) continue;
    blocks += 1;
    bytes += bytesOf(at);
    atomic.store<u32>(at + HOLDER, 0);
    if (!torn) freeBlock(index, at);
  }
  if (torn) rebuild();
  store<u32>(placeOf(self()), bytes, RECOVERED);
  for (let each: u32 = 1; each <= workers(); each += 1) {
    if (!isBuried(each)) continue;
    clearPlace(placeOf(each));
    atomic.store<u32>(placeOf(each) + STATE, VACANT);
  }
  lockGive(AT_LOCK);
  return blocks;
}

// ---- the tables from the holders

function rebuild(): void {
  memory.fill(AT_COLUMNS, 0, ROWS);
  memory.fill(AT_LISTS, 0, ROWS * COLUMNS * 4);
  store<u32>(AT_ROWS, 0);
  store<u32>(AT_FREE_BLOCKS, 0);
  store<u32>(AT_SPARE, 0);
  store<u32>(AT_USED, 0);
  store<u32>(AT_LIVE, 0);
  chain(sorted(sortRecords()));
}

/** Makes a list, by word 3, of the records with a holder, and spare ones of all others. */
function sortRecords(): u32 {
  let held: u32 = 0;
  for (let index = load<u32>(AT_RECORDS); index > firstRecord();) {
    index -= recordStep();
    const at = record(index);
    if (atomic.load<u32>(at + HOLDER) != 0) {
      store<u32>(at, held, 12);
      held = index;
    } else {
      store<u32>(at, UNUSED);
      store<u32>(at, load<u32>(AT_SPARE), 16);
      store<u32>(AT_SPARE, index);
    }
  }
  return held;
}

/** Chains the held blocks, given in address order, with a free one for each gap. */
function chain(held: u32): void {
  let end = FIRST_ADDRESS;
  let last: u32 = 0;
  while (held != 0) {
    const at = record(held);
    const next = load<u32>(at, 12);
    if (addressOf(at) != end) {
      const gap = takeRecord();
      store<u32>(record(gap), end | FREE);
      store<u32>(record(gap), addressOf(at) - end, 4);
      last = append(gap, last);
      insertFree(gap, record(gap));
    }
    store<u32>(at, addressOf(at) | USED);
    last = append(held, last);
    end = addressOf(at) + bytesOf(at);
    store<u32>(AT_USED, load<u32>(AT_USED) + bytesOf(at));
    store<u32>(AT_LIVE, load<u32>(AT_LIVE) + 1);
    held = next;
  }
  store<u32>(AT_LAST, last);
  store<u32>(AT_TOP, end);
  store<u32>(AT_PEAK_TOP, max(end, load<u32>(AT_PEAK_TOP)));
}

function append(index: u32, last: u32): u32 {
  store<u32>(record(index), last, 8);
  store<u32>(record(index), 0, 12);
  if (last != 0) store<u32>(record(last), index, 12);
  return index;
}

/** The list in address order: runs of one, two, four, ... records merged in pairs until one is left. */
function sorted(list: u32): u32 {
  let merges = 2;
  for (let width: u32 = 1; merges > 1; width <<= 1) {
    let rest = list;
    let tail: u32 = 0;
    merges = 0;
    list = 0;
    while (rest != 0) {
      merges += 1;
      let left = rest;
      let lefts: u32 = 0;
      while (lefts < width && rest != 0) {
        lefts += 1;
        rest = load<u32>(record(rest), 12);
      }
      let right = rest;
      let rights = width;
      while (lefts != 0 || (rights != 0 && right != 0)) {
        let least: u32;
        if (lefts != 0 && (rights == 0 || right == 0 || addressOf(record(left)) < addressOf(record(right)))) {
          least = left;
          left = load<u32>(record(left), 12);
          lefts -= 1;
        } else {
          least = right;
          right = load<u32>(record(right), 12);
          rights -= 1;
        }
        if (tail == 0) list = least;
        else store<u32>(record(tail), least, 12);
        tail = least;
      }
      rest = right;
    }
    if (tail != 0) store<u32>(record(tail), 0, 12);
  }
  return list;
}
