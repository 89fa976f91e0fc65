// The workers that share an arena. Each has a place in the map, with a cache of the blocks that it has freed: to take one
// from there and to put one there is a compare-and-swap on a line of its own. Everything else happens to the tables of
// arena.ts, under one lock.
//
//   byte
//   1536  lock: 0, or its owner's number, with CONTENDED while somebody sleeps for it
//   1540  most bytes in one cache
//   1544  the list that is being given back, as the address of its head, 0 for none
//   1548  what its place counts as taken by others when that is done: bytes        1552  blocks
//   1664  places of PLACE_BYTES, worker 1 first
//
//   place byte 0  VACANT, TAKEN, DEAD or IN_BURIAL     4  bytes its worker has put into the cache, less those it took out
//              8  the same in blocks                 12  bytes that others have taken from the cache
//             16  the same in blocks                 20  data wanted     24  map wanted, both by the last call that failed
//             28  bytes that its last recovery brought back
//             64  heads of the cache's lists, as many as arena.ts has free lists
//
// What must hold:
//  1. The holder of a record says whose the block is: nobody's (0), a live block of that worker, or with CACHED one that is
//     in that worker's cache, on its way there, or on its way out. It changes from 0 and to 0 under the lock only. A live
//     block's holder changes by compare-and-swap only; a cached one's by that worker, or by who has taken its list.
//  2. All else that the tables say follows from the address and the length of the blocks that have a holder. Under the
//     lock, an operation takes effect when it writes the holder; who dies before or after that leaves tables that can be
//     built again (repair.ts).
//  3. Only the worker of a place puts single blocks into its lists and takes single blocks out; others take a whole list,
//     under the lock, and mark its head GOING first, from where on its worker leaves it alone. So a head that a
//     compare-and-swap of its worker finds unchanged has not been away meanwhile, and the successor read before it still
//     holds: no version is needed.
//  4. What a place counts is never less than what its lists hold: a cache that is counted empty is empty.
//  5. All caches are given back before data grows, and before anybody is refused.
//
// Where each operation takes effect: an allocation from the cache when it changes the head, a free when it changes the
// holder (a second free of the block, by whomever, finds that done), all others when they write the holder.

import {
  allocateBlock,
  clearWants,
  freeBlock,
  listOf,
  NOT_IN_PLACE,
  NOT_LIVE,
  resizeBlock,
  RESIZED,
  round16,
  SMALLEST_REST,
} from "./arena";
import { lockGive, lockTake } from "./lock";
import {
  AT_CREW,
  AT_DATA_WANTED,
  AT_MAP_WANTED,
  AT_PLACES,
  AT_RECORDS,
  AT_WORKERS,
  bytesOf,
  COLUMN_BITS,
  COLUMNS,
  firstRecord,
  PLACE_BYTES,
  record,
  ROWS,
  USED,
  workers,
} from "./map";

export const AT_LOCK: usize = AT_CREW;
const AT_CACHE_BYTES: usize = AT_CREW + 4;
const AT_GOING: usize = AT_CREW + 8;
const AT_GOING_BYTES: usize = AT_CREW + 12;
const AT_GOING_BLOCKS: usize = AT_CREW + 16;

export const STATE: usize = 0;
const PUT_BYTES: usize = 4;
const PUT_BLOCKS: usize = 8;
const STOLEN_BYTES: usize = 12;
const STOLEN_BLOCKS: usize = 16;
const DATA_WANTED: usize = 20;
const MAP_WANTED: usize = 24;
export const RECOVERED: usize = 28;
const HEADS: usize = 64;

export const VACANT: u32 = 0;
export const TAKEN: u32 = 1;
export const DEAD: u32 = 2;
/** Dead, and the lock's owner takes back what it held. */
export const IN_BURIAL: u32 = 3;

/** Words of a record. */
export const HOLDER: usize = 24;
const NEXT: usize = 28;

/** Beside the number in a holder. BUSY is set while the lock's owner changes the length of a live block. */
export const CACHED: u32 = 0x80000000;
export const BUSY: u32 = 0x40000000;

/** Blocks up to this length are as long as their class, so that a freed one serves all of it. */
const LARGEST_ROUNDED: u32 = 32768;

/** Blocks up to this length are moved rather than made longer where they lie. */
const LARGEST_MOVED: u32 = 1024;

/** What is taken at once for the cache when a class of short blocks has run out there. */
const BATCH_BYTES: u32 = 2048;
const BATCH_BLOCKS: u32 = 16;

/** In the head of a list that is being given back. */
const GOING: u32 = 0x80000000;

/** This instance's worker. */
let me: u32 = 0;
let place: usize = 0;

// @ts-ignore: decorator
@inline export function placeOf(worker: u32): usize {
  return AT_PLACES + <usize>(worker - 1) * PLACE_BYTES;
}

// @ts-ignore: decorator
@inline export function self(): u32 {
  return me;
}

// ---- create, attach

/** Makes an empty arena one for `count` workers, each with a cache of at most `cacheBytes`. */
export function crewCreate(count: u32, cacheBytes: u32): void {
  store<u16>(AT_WORKERS, <u16>count);
  store<u32>(AT_CACHE_BYTES, cacheBytes);
  store<u32>(AT_RECORDS, firstRecord());
}

/** Makes this instance worker `worker`; false when another has the place. */
export function crewAttach(worker: u32): bool {
  if (atomic.cmpxchg<u32>(placeOf(worker) + STATE, VACANT, TAKEN) != VACANT) return false;
  me = worker;
  place = placeOf(worker);
  return true;
}

// ---- allocate

/** A block like arenaAllocate's. After a 0 the worker's place says what would help. */
export function crewAllocate(bytes: u32, align: u32): u32 {
  const wanted = rounded(bytes);
  if (align <= 16) {
    const index = pop(wanted);
    if (index != 0) return index;
  }
  return allocateLocked(bytes, wanted, align);
}

function allocateLocked(bytes: u32, wanted: u32, align: u32): u32 {
  lockTake(AT_LOCK, me);
  let index = allocateBlock(wanted, align);
  if (index == 0 && load<u32>(AT_MAP_WANTED) == 0 && giveBackAll()) index = allocateBlock(wanted, align);
  // At the limit the exact length may fit where the rounded one does not.
  if (index == 0 && load<u64>(AT_DATA_WANTED) == 0) index = allocateBlock(round16(bytes), align);
  if (index != 0) {
    atomic.store<u32>(record(index) + HOLDER, me);
    if (align <= 16) fetch(wanted);
  } else {
    tellWants();
  }
  lockGive(AT_LOCK);
  return index;
}

/** Takes more blocks of this length into the cache, as far as they are to be had without anybody's loss. */
function fetch(bytes: u32): void {
  for (let left = min(BATCH_BYTES / bytes, BATCH_BLOCKS); left > 1; left -= 1) {
    if (cachedBytes(place) + bytes > load<u32>(AT_CACHE_BYTES)) return;
    const index = allocateBlock(bytes, 16);
    if (index == 0) return;
    atomic.store<u32>(record(index) + HOLDER, me | CACHED);
    push(index, record(index));
  }
}

/** The last call's wants, where other workers do not overwrite them. */
function tellWants(): void {
  store<u32>(place, load<u32>(AT_DATA_WANTED), DATA_WANTED);
  store<u32>(place, load<u32>(AT_MAP_WANTED), MAP_WANTED);
}

/** `bytes` as blocks count them: a multiple of 16, and for all but long ones the shortest length of the next class. */
// @ts-ignore: decorator
@inline function rounded(bytes: u32): u32 {
  const exact = round16(bytes);
  if (exact > LARGEST_ROUNDED || exact < COLUMNS << 4) return exact;
  const step = (<u32>1) << (31 - clz(exact) - COLUMN_BITS);
  return (exact + step - 1) & ~(step - 1);
}

// ---- free

/** Takes the block back, whoever holds it; false when `handle` is not live. */
export function crewFree(handle: u32): bool {
  const at = recordAt(handle);
  if (at == 0) return false;
  let holder = atomic.load<u32>(at + HOLDER);
  while (true) {
    if ((holder & BUSY) != 0) holder = afterResize(at);
    if (!isLive(holder)) return false;
    const found = atomic.cmpxchg<u32>(at + HOLDER, holder, me | CACHED);
    if (found == holder) break;
    holder = found;
  }
  if (cachedBytes(place) + bytesOf(at) > load<u32>(AT_CACHE_BYTES) || !push(handle, at)) freeLocked(handle, at);
  return true;
}

/** Waits until nobody changes the block's length, and answers its holder then. */
function afterResize(at: usize): u32 {
  lockTake(AT_LOCK, me);
  const holder = atomic.load<u32>(at + HOLDER);
  lockGive(AT_LOCK);
  return holder;
}

/** The cache is full: what it holds is not what is asked for. A block that no cache could hold goes alone. */
function freeLocked(index: u32, at: usize): void {
  lockTake(AT_LOCK, me);
  if (bytesOf(at) <= load<u32>(AT_CACHE_BYTES)) giveBackCache(place);
  giveBack(index, at);
  lockGive(AT_LOCK);
}

/** Gives a block to the tables, under the lock, that no list holds and nobody uses. */
// @ts-ignore: decorator
@inline function giveBack(index: u32, at: usize): void {
  atomic.store<u32>(at + HOLDER, 0);
  freeBlock(index, at);
}

/** Where the record of `handle` lies, or 0 when there is none of this number. */
// @ts-ignore: decorator
@inline function recordAt(handle: u32): usize {
  return handle < firstRecord() || handle >= load<u32>(AT_RECORDS) || (handle & 1) != 0 ? 0 : record(handle);
}

// @ts-ignore: decorator
@inline function isLive(holder: u32): bool {
  return holder != 0 && (holder & (CACHED | BUSY)) == 0;
}

// ---- resize, hand over

/**
 * arenaResize for a block, whoever holds it. A short one is not made longer where it lies: it is sooner moved than the lock
 * is taken. After NOT_IN_PLACE the worker's place says what would help.
 */
export function crewResize(handle: u32, bytes: u32): u32 {
  const at = recordAt(handle);
  if (at == 0) return NOT_LIVE;
  if (max(bytesOf(at), bytes) > LARGEST_MOVED) return resizeLocked(handle, at, round16(bytes));
  const wanted = rounded(bytes);
  store<u32>(place, 0, DATA_WANTED);
  store<u32>(place, 0, MAP_WANTED);
  const holder = atomic.load<u32>(at + HOLDER);
  if (holder == 0 || (holder & CACHED) != 0) return NOT_LIVE;
  return wanted <= bytesOf(at) && bytesOf(at) - wanted < SMALLEST_REST ? RESIZED : NOT_IN_PLACE;
}

function resizeLocked(index: u32, at: usize, bytes: u32): u32 {
  lockTake(AT_LOCK, me);
  let outcome = NOT_LIVE;
  const holder = atomic.load<u32>(at + HOLDER);
  if (isLive(holder) && atomic.cmpxchg<u32>(at + HOLDER, holder, holder | BUSY) == holder) {
    clearWants();
    outcome = resizeBlock(index, at, bytes);
    if (outcome == NOT_IN_PLACE && load<u32>(AT_DATA_WANTED) != 0 && giveBackAll()) {
      clearWants();
      outcome = resizeBlock(index, at, bytes);
    }
    tellWants();
    atomic.store<u32>(at + HOLDER, holder);
  }
  lockGive(AT_LOCK);
  return outcome;
}

export const HANDED: u32 = 0;
export const NOT_MINE: u32 = 1;
export const NOBODY_THERE: u32 = 2;

/** Makes a live block of this worker one of worker `to`. Under the lock, so that `to` is not recovered meanwhile. */
export function crewHandOver(handle: u32, to: u32): u32 {
  const at = recordAt(handle);
  if (at == 0) return NOT_MINE;
  lockTake(AT_LOCK, me);
  let outcome = NOBODY_THERE;
  if (atomic.load<u32>(placeOf(to) + STATE) == TAKEN)
    outcome = atomic.cmpxchg<u32>(at + HOLDER, me, to) == me ? HANDED : NOT_MINE;
  lockGive(AT_LOCK);
  return outcome;
}

/** Whether this worker holds the live block behind `handle`. */
export function crewHolds(handle: u32): bool {
  const at = recordAt(handle);
  return at != 0 && atomic.load<u32>(at + HOLDER) == me;
}

// ---- the cache

/** A block of at least `bytes` from this worker's cache, live, or 0. */
// @ts-ignore: decorator
@inline function pop(bytes: u32): u32 {
  const head = headOf(place, listOf(bytes));
  let index = atomic.load<u32>(head);
  while (index != 0 && (index & GOING) == 0) {
    const at = record(index);
    if (bytesOf(at) < bytes) return 0;
    const found = atomic.cmpxchg<u32>(head, index, load<u32>(at, NEXT));
    if (found == index) {
      tally(-bytesOf(at), -1);
      store<u32>(at, me, HOLDER);
      return index;
    }
    index = found;
  }
  return 0;
}

/** Puts a block into this worker's cache, unless its list is being given back. It counts before it is there. */
// @ts-ignore: decorator
@inline function push(index: u32, at: usize): bool {
  const head = headOf(place, listOf(bytesOf(at)));
  tally(bytesOf(at), 1);
  let first = atomic.load<u32>(head);
  while ((first & GOING) == 0) {
    store<u32>(at, first, NEXT);
    const found = atomic.cmpxchg<u32>(head, first, index);
    if (found == first) return true;
    first = found;
  }
  tally(-bytesOf(at), -1);
  return false;
}

// @ts-ignore: decorator
@inline function tally(bytes: u32, blocks: u32): void {
  store<u32>(place, load<u32>(place, PUT_BYTES) + bytes, PUT_BYTES);
  store<u32>(place, load<u32>(place, PUT_BLOCKS) + blocks, PUT_BLOCKS);
}

/** Gives all caches back to the tables, under the lock; whether there was anything. */
export function giveBackAll(): bool {
  let any = false;
  for (let worker: u32 = 1; worker <= workers(); worker += 1) {
    if (cachedBytes(placeOf(worker)) != 0 && giveBackCache(placeOf(worker))) any = true;
  }
  return any;
}

function giveBackCache(from: usize): bool {
  let any = false;
  for (let list: u32 = 0; list < ROWS * COLUMNS; list += 1) {
    if (atomic.load<u32>(headOf(from, list)) != 0 && giveBackList(from, headOf(from, list))) any = true;
  }
  return any;
}

/** From the moment that it is noted as going, a list is given back whole, by another worker if this one dies. */
function giveBackList(from: usize, head: usize): bool {
  const first = mark(head);
  if (first == 0) return false;
  let bytes = load<u32>(from, STOLEN_BYTES);
  let blocks = load<u32>(from, STOLEN_BLOCKS);
  for (let index = first; index != 0; index = load<u32>(record(index), NEXT)) {
    bytes += bytesOf(record(index));
    blocks += 1;
  }
  store<u32>(AT_GOING_BYTES, bytes);
  store<u32>(AT_GOING_BLOCKS, blocks);
  atomic.store<u32>(AT_GOING, <u32>head);
  for (let index = first; index != 0; index = load<u32>(record(index), NEXT)) giveBack(index, record(index));
  endGoing(from, head);
  return true;
}

/** Marks a list as going and answers its first block, or 0 when it is empty. */
function mark(head: usize): u32 {
  let first = atomic.load<u32>(head);
  while (first != 0) {
    const found = atomic.cmpxchg<u32>(head, first, first | GOING);
    if (found == first) break;
    first = found;
  }
  return first;
}

function endGoing(from: usize, head: usize): void {
  store<u32>(from, load<u32>(AT_GOING_BYTES), STOLEN_BYTES);
  store<u32>(from, load<u32>(AT_GOING_BLOCKS), STOLEN_BLOCKS);
  atomic.store<u32>(head, 0);
  atomic.store<u32>(AT_GOING, 0);
}

/** Ends what a dead owner of the lock did with lists: one noted as going is given back, one only marked stays. */
export function settleGoing(): void {
  const head = <usize>load<u32>(AT_GOING);
  if (head != 0 && (atomic.load<u32>(head) & GOING) != 0) {
    // Given back or not: word 7 leads from one to the next until the record is used again.
    for (let index = atomic.load<u32>(head) & ~GOING; index != 0; index = load<u32>(record(index), NEXT)) {
      atomic.store<u32>(record(index) + HOLDER, 0);
    }
    endGoing(head - ((head - AT_PLACES) % PLACE_BYTES), head);
  }
  atomic.store<u32>(AT_GOING, 0);
  for (let worker: u32 = 1; worker <= workers(); worker += 1) {
    for (let list: u32 = 0; list < ROWS * COLUMNS; list += 1) {
      const first = atomic.load<u32>(headOf(placeOf(worker), list));
      if ((first & GOING) != 0) atomic.store<u32>(headOf(placeOf(worker), list), first & ~GOING);
    }
  }
}

/** Forgets the cache of a dead worker; its blocks are found by their holder. */
export function clearPlace(at: usize): void {
  memory.fill(at + PUT_BYTES, 0, PLACE_BYTES - PUT_BYTES);
}

// @ts-ignore: decorator
@inline function headOf(at: usize, list: u32): usize {
  return at + HEADS + ((<usize>list) << 2);
}

// @ts-ignore: decorator
@inline function cachedBytes(at: usize): u32 {
  return load<u32>(at, PUT_BYTES) - load<u32>(at, STOLEN_BYTES);
}

// ---- for growth and reports

export function crewLock(): void {
  lockTake(AT_LOCK, me);
}

export function crewUnlock(): void {
  lockGive(AT_LOCK);
}

/** Gives all caches back. Under crewLock. */
export function crewGiveBack(): void {
  giveBackAll();
}

/** Whether a record of this kind may have the holder that it has. Under the lock. */
export function holderIsSound(at: usize, kind: u32): bool {
  const holder = atomic.load<u32>(at + HOLDER);
  if (kind != USED) return holder == 0;
  const worker = holder & ~CACHED;
  return worker != 0 && worker <= workers() && atomic.load<u32>(placeOf(worker) + STATE) != VACANT;
}
