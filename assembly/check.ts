// Walks every table of an arena's map and proves that they agree: each count is derived again from the records, each list
// from the chain. Nothing is written.

import { listOf } from "./arena";
import { holderIsSound } from "./crew";
import {
  addressOf,
  allFree,
  AT_CLASSES,
  AT_COLUMNS,
  AT_COMMITTED,
  AT_FREE_BLOCKS,
  AT_HEADER_BYTES,
  AT_LAST,
  AT_LIMIT,
  AT_LISTS,
  AT_LIVE,
  AT_MAGIC,
  AT_PEAK_TOP,
  AT_RECORDS,
  AT_ROWS,
  AT_SLABS,
  AT_SLOTS,
  AT_SPARE,
  AT_TOP,
  AT_USED,
  AT_VERSION,
  bytesOf,
  CLASSES,
  classOf,
  COLUMN_BITS,
  COLUMNS,
  FIRST_ADDRESS,
  firstRecord,
  FREE,
  HEADER_BYTES,
  kindOf,
  MAGIC,
  MOST_SLOTS_COUNTED,
  record,
  recordStep,
  ROWS,
  SLAB,
  slabBytes,
  slabSlotBytes,
  slabSlots,
  UNUSED,
  USED,
  VERSION,
  workers,
} from "./map";

/** What does not hold. The words for these numbers stand in src/memory/arena.ts. */
const HEADER: f64 = 1;
const BOUNDS: f64 = 2;
const CHAIN_LINK: f64 = 3;
const CHAIN_GAP: f64 = 4;
const CHAIN_KIND: f64 = 5;
const NOT_MERGED: f64 = 6;
const SLAB_SHAPE: f64 = 7;
const FREE_LIST: f64 = 8;
const LIST_MAP: f64 = 9;
const SLAB_LIST: f64 = 10;
const SPARE_LIST: f64 = 11;
const COUNTS: f64 = 12;
const CLASS_SLOTS: f64 = 13;
const HOLDER: f64 = 14;

// @ts-ignore: decorator
@inline function broken(law: f64, index: u32): f64 {
  return law * 4294967296.0 + <f64>index;
}

/** 0 when every law holds, else law * 2^32 + the record it was found at. */
export function arenaCheck(): f64 {
  if (load<u32>(AT_MAGIC) != MAGIC || load<u32>(AT_VERSION) != VERSION || load<u32>(AT_HEADER_BYTES) != HEADER_BYTES) {
    return broken(HEADER, 0);
  }
  const top = load<u32>(AT_TOP);
  const records = load<u32>(AT_RECORDS);
  if (
    load<u32>(AT_COMMITTED) > load<u32>(AT_LIMIT) ||
    load<u32>(AT_PEAK_TOP) > load<u32>(AT_COMMITTED) ||
    top > load<u32>(AT_PEAK_TOP) ||
    top < FIRST_ADDRESS
  ) {
    return broken(BOUNDS, 0);
  }

  let used: u32 = 0;
  let live: u32 = 0;
  let slabs: u32 = 0;
  let openSlabs: u32 = 0;
  let freeBlocks: u32 = 0;
  let chained: u32 = 0;
  let end = top;
  let next: u32 = 0;
  for (let index = load<u32>(AT_LAST); index != 0;) {
    if (index >= records || ++chained >= records) return broken(CHAIN_LINK, index);
    const at = record(index);
    if (load<u32>(at, 12) != next) return broken(CHAIN_LINK, index);
    const kind = kindOf(at);
    let bytes: u32;
    if (kind == SLAB) {
      const info = load<u32>(at, 4);
      const slots = slabSlots(info);
      const bits = load<u64>(at, 24);
      bytes = slabBytes(info);
      if (slots == 0 || slots > 64 || slots * slabSlotBytes(info) > bytes || (bits & ~allFree(slots)) != 0) {
        return broken(SLAB_SHAPE, index);
      }
      const taken = slots - <u32>popcnt(bits);
      used += taken * slabSlotBytes(info);
      live += taken;
      slabs += 1;
      if (bits != 0) openSlabs += 1;
    } else if (kind == USED) {
      bytes = bytesOf(at);
      used += bytes;
      live += 1;
    } else if (kind == FREE) {
      bytes = bytesOf(at);
      freeBlocks += 1;
      if (next == 0 || kindOf(record(next)) == FREE) return broken(NOT_MERGED, index);
    } else {
      return broken(CHAIN_KIND, index);
    }
    if (workers() != 0 && !holderIsSound(at, kind)) return broken(HOLDER, index);
    if (bytes == 0 || (bytes & 15) != 0 || addressOf(at) + bytes != end) return broken(CHAIN_GAP, index);
    end = addressOf(at);
    next = index;
    index = load<u32>(at, 8);
  }
  if (end != FIRST_ADDRESS) return broken(CHAIN_GAP, next);

  let listed: u32 = 0;
  for (let list: u32 = 0; list < ROWS * COLUMNS; list++) {
    const head = load<u32>(AT_LISTS + ((<usize>list) << 2));
    const row = list >> COLUMN_BITS;
    const columns = <u32>load<u8>(AT_COLUMNS + row);
    if (((columns >> (list & (COLUMNS - 1))) & 1) != <u32>(head != 0)) return broken(LIST_MAP, list);
    if (((load<u32>(AT_ROWS) >> row) & 1) != <u32>(columns != 0)) return broken(LIST_MAP, list);
    let previous: u32 = 0;
    for (let index = head; index != 0;) {
      if (index >= records || ++listed > freeBlocks) return broken(FREE_LIST, index);
      const at = record(index);
      if (kindOf(at) != FREE || listOf(bytesOf(at)) != list || load<u32>(at, 16) != previous) {
        return broken(FREE_LIST, index);
      }
      previous = index;
      index = load<u32>(at, 20);
    }
  }
  if (listed != freeBlocks) return broken(FREE_LIST, 0);

  let open: u32 = 0;
  for (let slotClass: u32 = 1; slotClass <= CLASSES; slotClass++) {
    let previous: u32 = 0;
    for (let index = load<u32>(AT_CLASSES + ((<usize>slotClass) << 2)); index != 0;) {
      if (index >= records || ++open > openSlabs) return broken(SLAB_LIST, index);
      const at = record(index);
      if (
        kindOf(at) != SLAB ||
        classOf(slabSlotBytes(load<u32>(at, 4))) != slotClass ||
        load<u64>(at, 24) == 0 ||
        load<u32>(at, 16) != previous
      ) {
        return broken(SLAB_LIST, index);
      }
      previous = index;
      index = load<u32>(at, 20);
    }
  }
  if (open != openSlabs) return broken(SLAB_LIST, 0);

  let spare: u32 = 0;
  for (let index = load<u32>(AT_SPARE); index != 0;) {
    if (index >= records || ++spare >= records || kindOf(record(index)) != UNUSED) return broken(SPARE_LIST, index);
    if (workers() != 0 && !holderIsSound(record(index), UNUSED)) return broken(HOLDER, index);
    index = load<u32>(record(index), 16);
  }
  if (chained + spare != (records - firstRecord()) / recordStep()) return broken(SPARE_LIST, 0);

  if (
    used != load<u32>(AT_USED) ||
    live != load<u32>(AT_LIVE) ||
    slabs != load<u32>(AT_SLABS) ||
    freeBlocks != load<u32>(AT_FREE_BLOCKS)
  ) {
    return broken(COUNTS, 0);
  }
  return checkClassSlots();
}

/** The slots counted by class are those of all slabs; a class that has counted to its end leaves nothing to compare. */
function checkClassSlots(): f64 {
  let all: u32 = 0;
  let counted: u32 = 0;
  for (let slotClass: u32 = 1; slotClass <= CLASSES; slotClass++) {
    const slots = <u32>load<u16>(AT_SLOTS + ((<usize>slotClass) << 1));
    if (slots == MOST_SLOTS_COUNTED) return 0;
    counted += slots;
  }
  for (let index = firstRecord(); index < load<u32>(AT_RECORDS); index += recordStep()) {
    if (kindOf(record(index)) == SLAB) all += slabSlots(load<u32>(record(index), 4));
  }
  return all == counted ? 0 : broken(CLASS_SLOTS, 0);
}

/** Bytes of the largest free block below the top. */
export function arenaLargestFree(): u32 {
  const rows = load<u32>(AT_ROWS);
  if (rows == 0) return 0;
  const row = 31 - clz(rows);
  const column = 31 - clz(<u32>load<u8>(AT_COLUMNS + row));
  let largest: u32 = 0;
  let index = load<u32>(AT_LISTS + ((<usize>((row << COLUMN_BITS) + column)) << 2));
  while (index != 0) {
    largest = max(largest, bytesOf(record(index)));
    index = load<u32>(record(index), 20);
  }
  return largest;
}
