// The allocator of an arena. It works on the map alone and never touches the data whose bytes it hands out. Blocks above
// a slot's size are found by good fit in two levels of segregated lists and merge with their neighbours the moment they
// are freed; smaller ones are slots of slabs. The data above the top was never needed or has been given back, and is
// used last. Every call does a bounded number of steps.

import {
  addressOf,
  allFree,
  AT_CLASSES,
  AT_COLUMNS,
  AT_COMMITTED,
  AT_DATA_WANTED,
  AT_FREE_BLOCKS,
  AT_HEADER_BYTES,
  AT_LAST,
  AT_LIMIT,
  AT_LISTS,
  AT_LIVE,
  AT_MAGIC,
  AT_SLOTS,
  AT_PEAK_TOP,
  AT_RECORDS,
  AT_ROWS,
  AT_SLABS,
  AT_SPARE,
  AT_TABLES_COUNT,
  AT_TOP,
  AT_USED,
  AT_VERSION,
  AT_WARM,
  AT_MAP_WANTED,
  bytesOf,
  classOf,
  COLUMN_BITS,
  COLUMNS,
  FIRST_ADDRESS,
  FREE,
  HEADER_BYTES,
  kindOf,
  LARGEST_SLOT,
  MAGIC,
  MOST_SLOTS_COUNTED,
  record,
  recordStep,
  SLAB,
  slabBytes,
  slabSlotBytes,
  slabSlots,
  SLOT_HANDLE,
  slotBytesOf,
  UNUSED,
  USED,
  VERSION,
} from "./map";

/** A remainder smaller than this stays with its block: its record would cost more than it could serve. */
export const SMALLEST_REST: u32 = 64;

/** How far into a list a call looks for something better than its head. */
const LOOKS: i32 = 8;

/** Records that one call can need: the block itself, what is left before it, and what is left after it. */
const RECORDS_A_CALL: u32 = 3;

// ---- create

/**
 * Writes an empty map over zeroed memory. The caller has checked `limitBytes`, which bounds the data, and the tables with it
 * when `tablesCount`, and has committed `committedBytes` of data.
 */
export function arenaCreate(limitBytes: u32, committedBytes: u32, tablesCount: bool): void {
  store<u32>(AT_TABLES_COUNT, <u32>tablesCount);
  store<u32>(AT_VERSION, VERSION);
  store<u32>(AT_HEADER_BYTES, HEADER_BYTES);
  store<u32>(AT_LIMIT, limitBytes);
  store<u32>(AT_COMMITTED, committedBytes);
  store<u32>(AT_TOP, FIRST_ADDRESS);
  store<u32>(AT_PEAK_TOP, FIRST_ADDRESS);
  store<u32>(AT_RECORDS, 1);
  store<u32>(AT_MAGIC, MAGIC);
}

// ---- allocate

/**
 * A block of at least `bytes` bytes at a multiple of `align` (a power of two), or 0. After a 0 the map says what would
 * help: data wanted or map wanted, both in bytes, or neither when the limit forbids it.
 */
export function arenaAllocate(bytes: u32, align: u32): u32 {
  if (bytes <= LARGEST_SLOT && align <= 16) {
    const slotClass = classOf(align == 16 ? round16(bytes) : bytes);
    const slab = load<u32>(AT_CLASSES + ((<usize>slotClass) << 2));
    if (slab != 0) return takeSlot(slab, slotClass);
    return allocateSlot(slotClass);
  }
  return allocateBlock(round16(bytes), align);
}

// @ts-ignore: decorator
@inline function takeSlot(slab: u32, slotClass: u32): u32 {
  const at = record(slab);
  const bits = load<u64>(at, 24);
  const left = bits & (bits - 1);
  store<u64>(at, left, 24);
  if (left == 0) unlinkSlab(at, slotClass);
  count(slotBytesOf(slotClass));
  return SLOT_HANDLE | (slab << 6) | (<u32>ctz(bits));
}

function allocateSlot(slotClass: u32): u32 {
  const slab = createSlab(slotClass);
  if (slab != 0) return takeSlot(slab, slotClass);
  return allocateBlock(round16(slotBytesOf(slotClass)), 16);
}

/** The same for a block, of `bytes` a multiple of 16. */
export function allocateBlock(bytes: u32, align: u32): u32 {
  const index = takeRun(bytes, align);
  if (index == 0) return 0;
  count(bytesOf(record(index)));
  return index;
}

// ---- free

/** Takes the block or slot back; false when `handle` is not live. */
export function arenaFree(handle: u32): bool {
  if (handle & SLOT_HANDLE) {
    const slab = (handle & ~SLOT_HANDLE) >> 6;
    if (slab >= load<u32>(AT_RECORDS)) return false;
    const at = record(slab);
    if (kindOf(at) != SLAB) return false;
    const info = load<u32>(at, 4);
    const slots = slabSlots(info);
    const bit = (<u64>1) << (handle & 63);
    const bits = load<u64>(at, 24);
    if ((bits & bit) != 0 || (handle & 63) >= slots) return false;
    store<u64>(at, bits | bit, 24);
    const slotBytes = slabSlotBytes(info);
    const slotClass = classOf(slotBytes);
    discount(slotBytes);
    if (bits == 0) linkSlab(slab, at, slotClass);
    if ((bits | bit) == allFree(slots)) emptied(slab, at, slotClass);
    return true;
  }
  if (handle == 0 || handle >= load<u32>(AT_RECORDS)) return false;
  const at = record(handle);
  if (kindOf(at) != USED) return false;
  freeBlock(handle, at);
  return true;
}

/** Takes a block back that is in use. */
export function freeBlock(index: u32, at: usize): void {
  discount(bytesOf(at));
  giveRun(index);
}

// ---- resize

export const RESIZED: u32 = 1;
export const NOT_IN_PLACE: u32 = 0;
export const NOT_LIVE: u32 = 2;

/**
 * Makes the block behind `handle` at least `bytes` long where it lies. NOT_IN_PLACE and NOT_LIVE change nothing; after
 * NOT_IN_PLACE the map may say what would help.
 */
export function arenaResize(handle: u32, bytes: u32): u32 {
  clearWants();
  if (handle & SLOT_HANDLE) {
    const slab = (handle & ~SLOT_HANDLE) >> 6;
    if (slab >= load<u32>(AT_RECORDS)) return NOT_LIVE;
    const at = record(slab);
    const info = load<u32>(at, 4);
    const slot = handle & 63;
    if (kindOf(at) != SLAB || slot >= slabSlots(info) || (load<u64>(at, 24) >> slot) & 1) return NOT_LIVE;
    return slotBytesOf(classOf(bytes)) == slabSlotBytes(info) ? RESIZED : NOT_IN_PLACE;
  }
  if (handle == 0 || handle >= load<u32>(AT_RECORDS) || kindOf(record(handle)) != USED) return NOT_LIVE;
  return resizeBlock(handle, record(handle), round16(bytes));
}

/** The same for a block in use and `bytes` a multiple of 16; clears no wants. */
export function resizeBlock(index: u32, at: usize, bytes: u32): u32 {
  const old = bytesOf(at);
  if (bytes > old) {
    const next = load<u32>(at, 12);
    if (next == 0) {
      const end = <u64>addressOf(at) + bytes;
      if (!reachable(end)) return NOT_IN_PLACE;
      store<u32>(at, bytes, 4);
      raiseTop(<u32>end);
    } else {
      const nextAt = record(next);
      if (kindOf(nextAt) != FREE || <u64>old + bytesOf(nextAt) < bytes || !reserveRecords()) return NOT_IN_PLACE;
      removeFree(nextAt);
      store<u32>(at, old + bytesOf(nextAt), 4);
      unlinkRecord(next, nextAt);
      cutTail(index, at, bytes);
    }
  } else if (old - bytes >= SMALLEST_REST && reserveRecords()) {
    giveRun(splitAt(index, at, bytes));
  }
  addUsed(bytesOf(at) - old);
  return RESIZED;
}

// ---- runs: the chain of blocks in address order

/** Takes a run of `bytes` (a multiple of 16) from a free block or from the top, of kind USED. Returns 0 like arenaAllocate. */
function takeRun(bytes: u32, align: u32): u32 {
  clearWants();
  if (!reserveRecords()) return 0;
  const slack = align > 16 ? align - 16 : 0;
  if (<u64>bytes + slack > <u64>load<u32>(AT_LIMIT)) return 0;
  let index = findFree(bytes + slack);
  if (index == 0 && dropWarm()) index = findFree(bytes + slack);
  if (index != 0) {
    removeFree(record(index));
  } else {
    index = extendTop(bytes, align);
    if (index == 0) return 0;
  }
  let at = record(index);
  if (slack != 0) {
    const address = addressOf(at);
    const gap = ((address + align - 1) & ~(align - 1)) - address;
    if (gap != 0) {
      const block = splitAt(index, at, gap);
      insertFree(index, at);
      index = block;
      at = record(block);
    }
  }
  store<u32>(at, addressOf(at) | USED);
  cutTail(index, at, bytes);
  return index;
}

/** Takes the first `bytes` bytes of a free block that is long enough. */
function takeFree(index: u32, bytes: u32): void {
  const at = record(index);
  removeFree(at);
  store<u32>(at, addressOf(at) | USED);
  cutTail(index, at, bytes);
}

/** Gives a run back: merges it with free neighbours, or lowers the top when nothing follows. */
function giveRun(index: u32): void {
  let at = record(index);
  const next = load<u32>(at, 12);
  if (next != 0) {
    const nextAt = record(next);
    if (kindOf(nextAt) == FREE) {
      removeFree(nextAt);
      store<u32>(at, bytesOf(at) + bytesOf(nextAt), 4);
      unlinkRecord(next, nextAt);
    }
  }
  const previous = load<u32>(at, 8);
  if (previous != 0) {
    const previousAt = record(previous);
    if (kindOf(previousAt) == FREE) {
      removeFree(previousAt);
      store<u32>(previousAt, bytesOf(previousAt) + bytesOf(at), 4);
      unlinkRecord(index, at);
      index = previous;
      at = previousAt;
    }
  }
  if (load<u32>(at, 12) == 0) {
    store<u32>(AT_TOP, addressOf(at));
    unlinkRecord(index, at);
  } else {
    insertFree(index, at);
  }
}

/** A run at the top, long enough for `bytes` at a multiple of `align`. */
function extendTop(bytes: u32, align: u32): u32 {
  const top = load<u32>(AT_TOP);
  const start = (<u64>top + align - 1) & ~(<u64>align - 1);
  const end = start + bytes;
  if (!reachable(end)) return 0;
  const index = takeRecord();
  const at = record(index);
  const last = load<u32>(AT_LAST);
  store<u32>(at, top | FREE);
  store<u32>(at, <u32>end - top, 4);
  store<u32>(at, last, 8);
  store<u32>(at, 0, 12);
  if (last != 0) store<u32>(record(last), index, 12);
  store<u32>(AT_LAST, index);
  raiseTop(<u32>end);
  return index;
}

/** Whether the data reaches to `end`; if it could by growing, the map says so. */
function reachable(end: u64): bool {
  if (!withinLimit(end)) return false;
  if (end <= <u64>load<u32>(AT_COMMITTED)) return true;
  store<u32>(AT_DATA_WANTED, <u32>end);
  return false;
}

/** Whether data up to `end` and, where they count, the tables after this call are within the limit. */
// @ts-ignore: decorator
@inline function withinLimit(end: u64): bool {
  const tables: u64 = load<u32>(AT_TABLES_COUNT) != 0 ? tablesAfterCall() : 0;
  return end + tables <= <u64>load<u32>(AT_LIMIT);
}

/** Where the tables end at most when this call is over. */
// @ts-ignore: decorator
@inline function tablesAfterCall(): u64 {
  return <u64>record(load<u32>(AT_RECORDS) + RECORDS_A_CALL * recordStep());
}

// @ts-ignore: decorator
@inline export function clearWants(): void {
  store<u64>(AT_DATA_WANTED, 0);
}

// @ts-ignore: decorator
@inline function raiseTop(end: u32): void {
  store<u32>(AT_TOP, end);
  if (end > load<u32>(AT_PEAK_TOP)) store<u32>(AT_PEAK_TOP, end);
}

/** Shortens a block just taken from a free one when enough is left to be worth a record. What follows it is in use. */
// @ts-ignore: decorator
@inline function cutTail(index: u32, at: usize, bytes: u32): void {
  if (bytesOf(at) - bytes < SMALLEST_REST) return;
  const rest = splitAt(index, at, bytes);
  insertFree(rest, record(rest));
}

/** Cuts a block in two after `bytes`. Returns the second part, of kind FREE and in no list. */
function splitAt(index: u32, at: usize, bytes: u32): u32 {
  const rest = takeRecord();
  const restAt = record(rest);
  const next = load<u32>(at, 12);
  store<u32>(restAt, (addressOf(at) + bytes) | FREE);
  store<u32>(restAt, bytesOf(at) - bytes, 4);
  store<u32>(restAt, index, 8);
  store<u32>(restAt, next, 12);
  if (next != 0) store<u32>(record(next), rest, 8);
  else store<u32>(AT_LAST, rest);
  store<u32>(at, bytes, 4);
  store<u32>(at, rest, 12);
  return rest;
}

/** Takes a record out of the chain and makes it unused; its bytes have gone to a neighbour or above the top. */
function unlinkRecord(index: u32, at: usize): void {
  const previous = load<u32>(at, 8);
  const next = load<u32>(at, 12);
  if (previous != 0) store<u32>(record(previous), next, 12);
  if (next != 0) store<u32>(record(next), previous, 8);
  else store<u32>(AT_LAST, previous);
  store<u32>(at, UNUSED);
  store<u32>(at, load<u32>(AT_SPARE), 16);
  store<u32>(AT_SPARE, index);
}

/** A record for the caller to fill; reserveRecords has made sure that there is one. */
export function takeRecord(): u32 {
  const spare = load<u32>(AT_SPARE);
  if (spare != 0) {
    store<u32>(AT_SPARE, load<u32>(record(spare), 16));
    return spare;
  }
  const index = load<u32>(AT_RECORDS);
  store<u32>(AT_RECORDS, index + recordStep());
  return index;
}

/** Whether the map has room for the records of one call; if not, says how large it should be. */
// @ts-ignore: decorator
@inline function reserveRecords(): bool {
  if (load<u32>(AT_TABLES_COUNT) != 0 && !withinLimit(load<u32>(AT_PEAK_TOP))) return false;
  const end = tablesAfterCall();
  if (end <= (<u64>memory.size()) << 16) return true;
  store<u32>(AT_MAP_WANTED, <u32>end);
  return false;
}

// ---- free lists

/** The list that a free block of `bytes` belongs to: row * COLUMNS + column. */
// @ts-ignore: decorator
@inline export function listOf(bytes: u32): u32 {
  const units = bytes >> 4;
  if (units < COLUMNS) return units;
  const high = 31 - clz(units);
  return ((high - COLUMN_BITS + 1) << COLUMN_BITS) + ((units >> (high - COLUMN_BITS)) ^ COLUMNS);
}

/** A free block of at least `bytes`, still in its list, or 0. */
function findFree(bytes: u32): u32 {
  const list = listOf(bytes);
  let index = load<u32>(AT_LISTS + ((<usize>list) << 2));
  for (let look = 0; look < LOOKS && index != 0; look++) {
    const at = record(index);
    if (bytesOf(at) >= bytes) return index;
    index = load<u32>(at, 20);
  }
  let row = list >> COLUMN_BITS;
  let columns = load<u8>(AT_COLUMNS + row) & ((<u32>-2) << (list & (COLUMNS - 1)));
  if (columns == 0) {
    const rows = load<u32>(AT_ROWS) & ((<u32>-2) << row);
    if (rows == 0) return 0;
    row = ctz(rows);
    columns = load<u8>(AT_COLUMNS + row);
  }
  return load<u32>(AT_LISTS + ((<usize>((row << COLUMN_BITS) + ctz(columns))) << 2));
}

/** Puts a free block into its list, before the first higher address among the first few: low addresses are taken first. */
export function insertFree(index: u32, at: usize): void {
  const address = addressOf(at);
  store<u32>(at, address | FREE);
  const list = listOf(bytesOf(at));
  const headAt = AT_LISTS + ((<usize>list) << 2);
  let previous: u32 = 0;
  let next = load<u32>(headAt);
  if (next == 0) {
    const row = list >> COLUMN_BITS;
    const mapAt = AT_COLUMNS + row;
    store<u8>(mapAt, <u8>((<u32>load<u8>(mapAt)) | ((<u32>1) << (list & (COLUMNS - 1)))));
    store<u32>(AT_ROWS, load<u32>(AT_ROWS) | (1 << row));
  }
  for (let look = 0; look < LOOKS && next != 0; look++) {
    const nextAt = record(next);
    if (addressOf(nextAt) > address) break;
    previous = next;
    next = load<u32>(nextAt, 20);
  }
  store<u32>(at, previous, 16);
  store<u32>(at, next, 20);
  if (next != 0) store<u32>(record(next), index, 16);
  if (previous != 0) store<u32>(record(previous), index, 20);
  else store<u32>(headAt, index);
  store<u32>(AT_FREE_BLOCKS, load<u32>(AT_FREE_BLOCKS) + 1);
}

function removeFree(at: usize): void {
  const previous = load<u32>(at, 16);
  const next = load<u32>(at, 20);
  if (next != 0) store<u32>(record(next), previous, 16);
  if (previous != 0) {
    store<u32>(record(previous), next, 20);
  } else {
    const list = listOf(bytesOf(at));
    store<u32>(AT_LISTS + ((<usize>list) << 2), next);
    if (next == 0) {
      const row = list >> COLUMN_BITS;
      const mapAt = AT_COLUMNS + row;
      const columns = (<u32>load<u8>(mapAt)) & ~((<u32>1) << (list & (COLUMNS - 1)));
      store<u8>(mapAt, <u8>columns);
      if (columns == 0) store<u32>(AT_ROWS, load<u32>(AT_ROWS) & ~(1 << row));
    }
  }
  store<u32>(AT_FREE_BLOCKS, load<u32>(AT_FREE_BLOCKS) - 1);
}

// ---- slabs

/** A slab with all its slots free, linked, or 0. A shorter one that fits a hole is better than a rise of the top. */
function createSlab(slotClass: u32): u32 {
  const slotsAt = AT_SLOTS + ((<usize>slotClass) << 1);
  const slotBytes = slotBytesOf(slotClass);
  const classSlots = <u32>load<u16>(slotsAt);
  const most = min<u32>(64, max<u32>(classSlots >> 4, slotBytes < 64 ? 128 / slotBytes : 1));
  clearWants();
  if (!reserveRecords()) return 0;
  let slots = most;
  let hole = findFree(round16(slots * slotBytes));
  while (hole == 0 && slots > 1) {
    slots >>= 1;
    hole = findFree(round16(slots * slotBytes));
  }
  let index = hole;
  if (hole != 0) {
    takeFree(hole, round16(slots * slotBytes));
  } else {
    slots = most;
    index = takeRun(round16(slots * slotBytes), 16);
    if (index == 0) return 0;
  }
  const at = record(index);
  store<u32>(at, addressOf(at) | SLAB);
  store<u32>(at, ((bytesOf(at) >> 4) << 15) | ((slotBytes >> 3) << 7) | slots, 4);
  store<u64>(at, allFree(slots), 24);
  store<u16>(slotsAt, <u16>min<u32>(MOST_SLOTS_COUNTED, classSlots + slots));
  store<u32>(AT_SLABS, load<u32>(AT_SLABS) + 1);
  linkSlab(index, at, slotClass);
  return index;
}

/** An empty slab stays warm for the next request of its class, unless the slab that would serve first is empty too. */
function emptied(slab: u32, at: usize, slotClass: u32): void {
  const head = load<u32>(AT_CLASSES + ((<usize>slotClass) << 2));
  const other = head == slab ? load<u32>(at, 20) : head;
  if (other != 0 && isEmpty(record(other))) {
    dropSlab(slab, at, slotClass);
    return;
  }
  const warmAt = AT_WARM + ((<usize>(slotClass >> 5)) << 2);
  store<u32>(warmAt, load<u32>(warmAt) | ((<u32>1) << (slotClass & 31)));
}

// @ts-ignore: decorator
@inline function isEmpty(at: usize): bool {
  return load<u64>(at, 24) == allFree(slabSlots(load<u32>(at, 4)));
}

function dropSlab(slab: u32, at: usize, slotClass: u32): void {
  unlinkSlab(at, slotClass);
  const slotsAt = AT_SLOTS + ((<usize>slotClass) << 1);
  const classSlots = <u32>load<u16>(slotsAt);
  if (classSlots < MOST_SLOTS_COUNTED) store<u16>(slotsAt, <u16>(classSlots - slabSlots(load<u32>(at, 4))));
  store<u32>(AT_SLABS, load<u32>(AT_SLABS) - 1);
  store<u32>(at, slabBytes(load<u32>(at, 4)), 4);
  giveRun(slab);
}

/** Gives warm empty slabs back before the top rises, few of each class at a time; whether there was any. */
function dropWarm(): bool {
  let any = false;
  for (let word: u32 = 0; word < 3; word++) {
    const warmAt = AT_WARM + ((<usize>word) << 2);
    let warm = load<u32>(warmAt);
    store<u32>(warmAt, 0);
    while (warm != 0) {
      const slotClass = (word << 5) + ctz(warm);
      warm &= warm - 1;
      let slab = load<u32>(AT_CLASSES + ((<usize>slotClass) << 2));
      for (let look = 0; look < LOOKS && slab != 0; look++) {
        const at = record(slab);
        const next = load<u32>(at, 20);
        if (isEmpty(at)) {
          dropSlab(slab, at, slotClass);
          any = true;
        }
        slab = next;
      }
    }
  }
  return any;
}

function linkSlab(slab: u32, at: usize, slotClass: u32): void {
  const headAt = AT_CLASSES + ((<usize>slotClass) << 2);
  const head = load<u32>(headAt);
  store<u32>(at, 0, 16);
  store<u32>(at, head, 20);
  if (head != 0) store<u32>(record(head), slab, 16);
  store<u32>(headAt, slab);
}

function unlinkSlab(at: usize, slotClass: u32): void {
  const previous = load<u32>(at, 16);
  const next = load<u32>(at, 20);
  if (next != 0) store<u32>(record(next), previous, 16);
  if (previous != 0) store<u32>(record(previous), next, 20);
  else store<u32>(AT_CLASSES + ((<usize>slotClass) << 2), next);
}

// @ts-ignore: decorator
@inline export function round16(bytes: u32): u32 {
  return (bytes + 15) & ~15;
}

// ---- counts

// @ts-ignore: decorator
@inline function count(bytes: u32): void {
  addUsed(bytes);
  store<u32>(AT_LIVE, load<u32>(AT_LIVE) + 1);
}

// @ts-ignore: decorator
@inline function discount(bytes: u32): void {
  addUsed(-bytes);
  store<u32>(AT_LIVE, load<u32>(AT_LIVE) - 1);
}

// @ts-ignore: decorator
@inline function addUsed(bytes: u32): void {
  store<u32>(AT_USED, load<u32>(AT_USED) + bytes);
}
