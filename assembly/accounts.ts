// The accounts of one executor in a linear memory of their own, shared by all its workers. Every task has a slot with one
// atomic word a mode; who has credit there acquires and releases by changing that word alone. Everything else is a
// decision: it takes the lock, closes all slots, works on numbers that nobody can change, and opens them again.
//
//   byte
//      0  magic "TMAC"          4  version             8  slots                    12  slots ever used
//     16  lock: 0, or its owner's number, with CONTENDED while somebody sleeps for it
//     20  epoch of wake-ups: waiters sleep on it
//     28  number of the worker that is *deciding* outside of the lock, or 0: others sleep on it
//     32  entries of the undo log                      36  decisions since creation (wraps)
//     40  where the annex begins                       44  bytes of the annex
//     48  waiters, both modes, and the epoch that they sleep in: once that is over, all of them are awake
//     64  cells of each mode: execution size, used; storage size, used; entries; ceiling; unmanaged; unrolling (doubles)
//    192  the undo log: UNDO_ENTRIES times an address and what stood there, 8 bytes each
//   1216  workers, WORKER_BYTES each, from number 1 on
//   5376  slots of SLOT_BYTES, each in cache lines of its own; behind them the annex: what else decisions change
//
//   worker byte 0  its place: 0 free, 1 here, 2 reserved, and 4 for each tenancy so far
//         8  1 once it is to give its wait up
//        16  storage bytes of each mode that it has charged and put into no block (doubles)
//
//   slot byte 0, 8   the words of the two modes        16  task (double)            24  number of the worker it began in
//        28  1 while it belongs to a task              32  workers that know it, a bit each
//        40  decisions it has been empty through, one u32 a mode
//
//   word bits 0..52  held    bit 53  the task has an entry    bits 54..63  limit, as a small float; 0 is closed, 1 is open
//   for releases alone
//
// What must hold:
//  1. While a word is open (limit not 0), only compare-and-swap changes it, and from open to open: the limit stays.
//     While it is closed, only who decides changes it: who is marked as *deciding*, else the lock's owner. So a compare-and-swap that succeeds saw all that its answer
//     rests on, limit included, in the word it replaced: no version is needed.
//  2. The sum over the slots of a mode of max(held, limit) is at most the size of its execution pool: credit is backed.
//  3. An open limit is at most ceiling / open slots, and every entry is in an open slot: so it is at most ceiling / N, and what
//     is granted within it, the rule would have granted whole.
//  4. While somebody sleeps for memory, in either mode, or is marked as *deciding*, all slots are closed. Whoever is woken
//     counts no more: the look it owes is a decision.
//
// Where each operation takes effect: a fast acquire or release (also to nothing, also a first entry) at its successful
// compare-and-swap; one that is answered "undecided" has no effect. A decision (slow acquire or release, entry, storage,
// task end, read-out) at the last word that it closes: from there to the opening nothing else moves.
// Parked credit is at most what execution has free, and is all taken back by every decision.
//
// A worker may die anywhere. Its compare-and-swaps happened or did not. What it wrote in a decision is undone unless it came
// to the commit; the lock and the *deciding* mark carry its number, so that whoever buries it can take them.

import { lockGive, lockSleep, lockTake, lockTakeFrom, lockTry } from "./lock";

export const ACCOUNTS_MAGIC: u32 = 0x43414d54;
export const ACCOUNTS_VERSION: u32 = 4;

const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 4;
const AT_SLOTS: usize = 8;
const AT_SLOTS_USED: usize = 12;
const AT_LOCK: usize = 16;
const AT_EPOCH: usize = 20;
const AT_WAITERS: usize = 48;
const AT_DECIDING: usize = 28;
const AT_UNDO: usize = 32;
const AT_DECISIONS: usize = 36;
const AT_ANNEX: usize = 40;
const AT_ANNEX_BYTES: usize = 44;

const AT_CELLS: usize = 64;
const CELLS_BYTES: usize = 64;
const EXECUTION_SIZE: usize = 0;
const EXECUTION_USED: usize = 8;
const ENTRIES: usize = 32;
const CEILING: usize = 40;

const AT_UNDO_LOG: usize = 192;
const UNDO_ENTRIES: u32 = 64;

const AT_WORKERS: usize = 1216;
const WORKER_BYTES: usize = 64;

const AT_FIRST_SLOT: usize = 5376;
const SLOT_BYTES: usize = 128;
const SLOT_EMPTY_FOR: usize = 40;

const HELD: u64 = (1 << 53) - 1;
const PRESENT: u64 = 1 << 53;
const LIMIT_SHIFT: u64 = 54;
const LIMIT: u64 = ~((1 << 54) - 1);

/** The limit bits of a slot that is open and has no credit. */
const NO_CREDIT: u64 = 1 << LIMIT_SHIFT;

/** What an operation answers that needs a decision. */
const UNDECIDED: f64 = -2;

/** An empty slot stays open through this many decisions: a task that acquires and releases in turn is often seen empty. */
const EMPTY_DECISIONS: u32 = 16;

// ---- the limit: 6 bits of exponent, 4 of fraction

/** Bytes that the limit of `word` stands for; 0 when it is closed or without credit. */
// @ts-ignore: decorator
@inline function limitOf(word: u64): u64 {
  const code = word >> LIMIT_SHIFT;
  return code < 16 ? 0 : ((16 | (code & 15)) << (code >> 4)) >> 4;
}

/** The limit bits for the largest limit that is not above `bytes`; 0 for none. */
function limitBits(bytes: u64): u64 {
  if (bytes < 2) return 0;
  const exponent = 63 - clz(bytes);
  const fraction = exponent >= 4 ? (bytes >> (exponent - 4)) & 15 : (bytes << (4 - exponent)) & 15;
  return ((exponent << 4) | fraction) << LIMIT_SHIFT;
}

// ---- the common path

/** Grants the whole of `bytes` from the slot's own credit, or answers UNDECIDED and changes nothing. */
export function accountsClaim(word: usize, bytes: f64): f64 {
  const n = <u64>bytes;
  if (<f64>n != bytes || n == 0) return UNDECIDED;
  let seen = atomic.load<u64>(word);
  while (true) {
    const held = seen & HELD;
    if (held + n > limitOf(seen)) return UNDECIDED;
    const found = atomic.cmpxchg<u64>(word, seen, (seen + n) | PRESENT);
    if (found == seen) return bytes;
    seen = found;
  }
}

/** Takes up to `bytes` back into the slot's credit and answers how many it was, or UNDECIDED. The last byte ends the entry. */
export function accountsRelease(word: usize, bytes: f64): f64 {
  const n = <u64>bytes;
  let seen = atomic.load<u64>(word);
  while (true) {
    const held = seen & HELD;
    if ((seen & LIMIT) == 0) return UNDECIDED;
    const next = n < held ? seen - n : seen & LIMIT;
    const found = atomic.cmpxchg<u64>(word, seen, next);
    if (found == seen) return n < held ? bytes : <f64>held;
    seen = found;
  }
}

// ---- the lock

/** Takes the lock for worker `me`; false when it could not be had within `nanoseconds` (below 0: no bound). */
export function accountsLock(me: u32, nanoseconds: f64): bool {
  return lockTake(AT_LOCK, me, <i64>nanoseconds);
}

/** Takes the lock if it is free. */
export function accountsTryLock(me: u32): bool {
  return lockTry(AT_LOCK, me);
}

/** Sleeps until the lock's owner of now has given it back; false when `nanoseconds` (below 0: no bound) ran out. */
export function accountsAwaitLock(nanoseconds: f64): bool {
  const owner = atomic.load<u32>(AT_LOCK);
  return owner == 0 || lockSleep(AT_LOCK, owner, <i64>nanoseconds);
}

/** Takes the lock from `dead`, a worker that will take no further step; false when it is not the owner. */
export function accountsTakeLock(dead: u32, me: u32): bool {
  return lockTakeFrom(AT_LOCK, dead, me);
}

export function accountsUnlock(): void {
  lockGive(AT_LOCK);
}

/** Under the lock: from here on decisions are `me`'s alone, also while the lock is free. */
export function accountsSetDeciding(me: u32): void {
  atomic.store<u32>(AT_DECIDING, me);
}

/** By who is deciding, or buries it: ends that, and wakes those who sleep for it. Needs no lock: who has it can only look. */
export function accountsEndDeciding(): void {
  atomic.store<u32>(AT_DECIDING, 0);
  atomic.notify(AT_DECIDING, -1);
}

/** Sleeps, without the lock, until `other`, who is deciding, has ended that; false when `nanoseconds` (below 0: no bound) ran out. */
export function accountsAwaitDecision(other: u32, nanoseconds: f64): bool {
  return atomic.wait<u32>(AT_DECIDING, other, <i64>nanoseconds) != 2;
}

// ---- decisions, under the lock

/** Closes every slot, and leaves in the cells what the tasks hold together and how many entries there are. */
export function accountsClose(): void {
  const end = AT_FIRST_SLOT + <usize>load<u32>(AT_SLOTS_USED) * SLOT_BYTES;
  let heldOn: u64 = 0;
  let heldOff: u64 = 0;
  let entriesOn: u32 = 0;
  let entriesOff: u32 = 0;
  for (let slot = AT_FIRST_SLOT; slot < end; slot += SLOT_BYTES) {
    const on = closed(slot);
    heldOn += on & HELD;
    entriesOn += <u32>((on >> 53) & 1);
    const off = closed(slot + 8);
    heldOff += off & HELD;
    entriesOff += <u32>((off >> 53) & 1);
  }
  store<f64>(AT_CELLS + EXECUTION_USED, <f64>heldOn);
  store<f64>(AT_CELLS + ENTRIES, <f64>entriesOn);
  store<f64>(AT_CELLS + CELLS_BYTES + EXECUTION_USED, <f64>heldOff);
  store<f64>(AT_CELLS + CELLS_BYTES + ENTRIES, <f64>entriesOff);
  store<u32>(AT_DECISIONS, load<u32>(AT_DECISIONS) + 1);
}

// @ts-ignore: decorator
@inline function closed(word: usize): u64 {
  const seen = atomic.load<u64>(word);
  return (seen & LIMIT) == 0 ? seen : atomic.and<u64>(word, ~LIMIT);
}

/** Opens the slots with what credit there is, unless somebody sleeps for memory or a decision goes on. */
function openSlots(): void {
  if (waiters() != 0 || load<u32>(AT_DECIDING) != 0) return;
  openMode(0);
  openMode(1);
}

function openMode(mode: usize): void {
  const cells = AT_CELLS + mode * CELLS_BYTES;
  const free = <u64>(load<f64>(cells + EXECUTION_SIZE) - load<f64>(cells + EXECUTION_USED));
  const first = AT_FIRST_SLOT + (mode << 3);
  const end = first + <usize>load<u32>(AT_SLOTS_USED) * SLOT_BYTES;
  let slots: u64 = 0;
  for (let word = first; word < end; word += SLOT_BYTES) slots += opens(word, mode) ? 1 : 0;
  if (slots == 0) return;
  const cap = <u64>load<f64>(cells + CEILING) / slots;
  const credit = free / slots;
  for (let word = first; word < end; word += SLOT_BYTES) {
    const emptyFor = word + SLOT_EMPTY_FOR - (mode << 2);
    const seen = load<u64>(word);
    const held = seen & HELD;
    const present = (seen & PRESENT) != 0;
    const empty: u32 = present ? 0 : load<u32>(emptyFor);
    if (!present && empty >= EMPTY_DECISIONS) continue;
    store<u32>(emptyFor, empty + 1);
    const bits = limitBits(min(cap, held + credit));
    atomic.store<u64>(word, seen | (held < limitOf(bits) ? bits : NO_CREDIT));
  }
}

function opens(word: usize, mode: usize): bool {
  return (load<u64>(word) & PRESENT) != 0 || load<u32>(word + SLOT_EMPTY_FOR - (mode << 2)) < EMPTY_DECISIONS;
}

// ---- changes of a decision, each undone if its owner dies before the end

/** Writes a cell of the accounts. */
export function accountsPut(at: usize, value: f64): void {
  remember(at);
  store<f64>(at, value);
}

/** The same for a u32, in the annex or in the header. */
export function accountsPutU32(at: usize, value: u32): void {
  remember(at & ~7);
  store<u32>(at, value);
}

/** Writes a closed word: `held` bytes, and whether the task has an entry. */
export function accountsPutWord(word: usize, held: f64, present: bool): void {
  remember(word);
  store<u64>(word, (<u64>held) | (present ? PRESENT : 0));
}

/** The changes since the closing stand. */
export function accountsCommit(): void {
  atomic.store<u32>(AT_UNDO, 0);
}

/** Ends a decision: its changes stand, the slots open, the lock is free. */
export function accountsEnd(): void {
  accountsCommit();
  openSlots();
  accountsUnlock();
}

/** Takes the changes since the closing back, newest first. */
export function accountsUndo(): void {
  for (let left = load<u32>(AT_UNDO); left != 0;) {
    left -= 1;
    const entry = AT_UNDO_LOG + ((<usize>left) << 4);
    store<u64>(<usize>load<u64>(entry), load<u64>(entry, 8));
  }
  atomic.store<u32>(AT_UNDO, 0);
}

// The entry is whole before it counts. What was remembered since the last commit needs no second entry.
function remember(at: usize): void {
  const entries = load<u32>(AT_UNDO);
  let entry = AT_UNDO_LOG;
  for (const end = entry + ((<usize>entries) << 4); entry < end; entry += 16) {
    if (load<u64>(entry) == <u64>at) return;
  }
  if (entries == UNDO_ENTRIES) unreachable();
  store<u64>(entry, <u64>at);
  store<u64>(entry, load<u64>(at), 8);
  atomic.store<u32>(AT_UNDO, entries + 1);
}

// ---- waiting

/** Registers a wait, under the lock and before the slots open, and answers the epoch to sleep on. */
export function accountsEnterWait(): u32 {
  putWaiters(waiters() + 1);
  return atomic.load<u32>(AT_EPOCH);
}

/** Ends a registered wait that no wake-up has ended, under the lock. */
export function accountsLeaveWait(): void {
  putWaiters(waiters() - 1);
}

/** Who sleeps in this epoch. */
function waiters(): u32 {
  const word = load<u64>(AT_WAITERS);
  return <u32>(word >> 32) == atomic.load<u32>(AT_EPOCH) ? <u32>word : 0;
}

function putWaiters(count: u32): void {
  remember(AT_WAITERS);
  store<u64>(AT_WAITERS, ((<u64>atomic.load<u32>(AT_EPOCH)) << 32) | count);
}

/** Wakes everybody who waits, in whichever mode, and so ends all registered waits. Under the lock. */
export function accountsWake(): void {
  if (waiters() != 0) accountsWakeAll();
}

/** The same also where nobody is registered: the dead may have died between the epoch and the notification. */
export function accountsWakeAll(): void {
  atomic.add<u32>(AT_EPOCH, 1);
  atomic.notify(AT_EPOCH, -1);
}

/** Sleeps until there has been a wake-up after `epoch`; false when `nanoseconds` (below 0: no bound) ran out first. */
export function accountsSleep(epoch: u32, nanoseconds: f64): bool {
  while (atomic.load<u32>(AT_EPOCH) == epoch) {
    if (atomic.wait<u32>(AT_EPOCH, epoch, <i64>nanoseconds) == 2) return false;
  }
  return true;
}

// ---- create

/** Writes empty accounts over zeroed memory, with an annex of `annexBytes` behind the slots. */
export function accountsCreate(slots: u32, annexBytes: u32): void {
  store<u32>(AT_VERSION, ACCOUNTS_VERSION);
  store<u32>(AT_SLOTS, slots);
  store<u32>(AT_ANNEX, <u32>(AT_FIRST_SLOT + <usize>slots * SLOT_BYTES));
  store<u32>(AT_ANNEX_BYTES, annexBytes);
  atomic.store<u32>(AT_MAGIC, ACCOUNTS_MAGIC);
}
