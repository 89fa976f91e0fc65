// The memory map of an arena: everything that is known about its pages, and nothing else. It lies in a linear memory of its
// own, so no write through a page can reach it. All state is here and none in globals, so that any instance over the same
// memory sees the same arena.
//
//   byte
//      0  magic "TMAR"          4  version             8  bytes of this header     12  limit of the data, bytes
//     16  data committed       20  top of the data    24  highest top so far       28  bytes in live blocks
//     32  live blocks          36  records ever used  40  first unused record      44  last block before the top
//     48  data wanted          52  map wanted         56  slabs                    60  free blocks
//     64  warm empty slabs, one bit a class (96 bits) 76  rows of the free lists that hold a block, one bit a row
//     80  columns of each row that hold a block, 8 bits a row   106  workers that can share it, 16 bits; 0: one thread at a time
//    108  1 when the limit covers the tables too
//    112  heads of the free lists, COLUMNS a row
//    944  heads of the slabs with a free slot, one a class
//   1268  slots of each class, 16 bits a class; 65535 is as far as it counts, and stays
//   1432  records of 32 bytes, number 0 unused
//
// In an arena that workers share, their places (drawn in crew.ts) lie where the first records would; of the others only the
// even ones are used, so that no two of them are in one cache line, and there are no slabs.
//
// A record describes a run of the data. Runs and their records form one chain in address order, from record FIRST to the
// last block before the top; nothing lies above the top.
//
//   word 0   address (a multiple of 16) | kind
//   word 1   block: bytes                      slab: bytes / 16 << 15 | slot bytes / 8 << 7 | slots
//   word 2   record before it in address order, 0 for none
//   word 3   record after it, 0 for none
//   word 4   in a list: record before it       unused record: next unused record
//   word 5   in a list: record after it
//   word 6,7 slab: one bit for each free slot
//   word 6   shared by workers: holder of the block, 0 for none       word 7   in a worker's cache: next in its list

export const MAGIC: u32 = 0x52414d54;
export const VERSION: u32 = 2;

export const AT_MAGIC: usize = 0;
export const AT_VERSION: usize = 4;
export const AT_HEADER_BYTES: usize = 8;
export const AT_LIMIT: usize = 12;
export const AT_COMMITTED: usize = 16;
export const AT_TOP: usize = 20;
export const AT_PEAK_TOP: usize = 24;
export const AT_USED: usize = 28;
export const AT_LIVE: usize = 32;
export const AT_RECORDS: usize = 36;
export const AT_SPARE: usize = 40;
export const AT_LAST: usize = 44;
export const AT_DATA_WANTED: usize = 48;
export const AT_MAP_WANTED: usize = 52;
export const AT_SLABS: usize = 56;
export const AT_FREE_BLOCKS: usize = 60;
export const AT_WARM: usize = 64;
export const AT_ROWS: usize = 76;

/** Free lists: row 0 holds lengths below 128 bytes in steps of 16, each further row doubles, in COLUMNS steps. */
export const COLUMN_BITS: u32 = 3;
export const COLUMNS: u32 = 1 << COLUMN_BITS;
export const ROWS: u32 = 26;
export const AT_COLUMNS: usize = 80;
export const AT_WORKERS: usize = 106;
export const AT_TABLES_COUNT: usize = 108;
export const AT_LISTS: usize = 112;

/** Classes of slots: 1 to 32 in steps of 8 bytes up to 256, then in steps of 16 bytes up to the largest slot. */
export const LARGEST_SLOT: u32 = 1024;
export const FINE_CLASSES: u32 = 32;
export const CLASSES: u32 = 80;
export const AT_CLASSES: usize = 944;
export const AT_SLOTS: usize = 1268;

export const MOST_SLOTS_COUNTED: u32 = 0xffff;

export const HEADER_BYTES: u32 = 1432;
export const RECORD_BITS: u32 = 5;
export const RECORD_BYTES: u32 = 32;

/** Where the workers' common words and their places lie, when there are any. */
export const AT_CREW: usize = 1536;
export const AT_PLACES: usize = 1664;
export const PLACE_BYTES: usize = 1024;

/** Handles name blocks, so address 0 needs no meaning of its own. */
export const FIRST_ADDRESS: u32 = 0;

export const KIND_MASK: u32 = 15;
export const UNUSED: u32 = 0;
export const FREE: u32 = 1;
export const USED: u32 = 2;
export const SLAB: u32 = 3;

/** A handle of a slot: this bit, the slab's record, and the slot in the low six bits. Handles of blocks are their record. */
export const SLOT_HANDLE: u32 = 0x80000000;

// @ts-ignore: decorator
@inline export function record(index: u32): usize {
  return <usize>HEADER_BYTES + ((<usize>index) << RECORD_BITS);
}

/** Workers that can share the arena; 0 when it is for one thread at a time. */
// @ts-ignore: decorator
@inline export function workers(): u32 {
  return load<u16>(AT_WORKERS);
}

/** From one record to the next. */
// @ts-ignore: decorator
@inline export function recordStep(): u32 {
  return workers() != 0 ? 2 : 1;
}

/** The first record that can describe a run. */
export function firstRecord(): u32 {
  if (workers() == 0) return 1;
  const placesEnd = AT_PLACES + <usize>workers() * PLACE_BYTES;
  return (<u32>(((placesEnd - HEADER_BYTES + RECORD_BYTES - 1) >> RECORD_BITS) + 1)) & ~1;
}

// @ts-ignore: decorator
@inline export function kindOf(at: usize): u32 {
  return load<u32>(at) & KIND_MASK;
}

// @ts-ignore: decorator
@inline export function addressOf(at: usize): u32 {
  return load<u32>(at) & ~KIND_MASK;
}

/** Bytes of a free or used block. */
// @ts-ignore: decorator
@inline export function bytesOf(at: usize): u32 {
  return load<u32>(at, 4);
}

// @ts-ignore: decorator
@inline export function classOf(bytes: u32): u32 {
  return bytes <= 256 ? (bytes + 7) >> 3 : ((bytes + 15) >> 4) + 16;
}

// @ts-ignore: decorator
@inline export function slotBytesOf(slotClass: u32): u32 {
  return slotClass <= FINE_CLASSES ? slotClass << 3 : (slotClass - 16) << 4;
}

/** What word 1 of a slab says. */
// @ts-ignore: decorator
@inline export function slabBytes(info: u32): u32 {
  return (info >> 15) << 4;
}

// @ts-ignore: decorator
@inline export function slabSlotBytes(info: u32): u32 {
  return ((info >> 7) & 255) << 3;
}

// @ts-ignore: decorator
@inline export function slabSlots(info: u32): u32 {
  return info & 127;
}

/** The bits of a slab of `slots` slots, all free. */
// @ts-ignore: decorator
@inline export function allFree(slots: u32): u64 {
  return (<u64>-1) >> (64 - <u64>slots);
}
