// Faults that a protocol like that of assembly/accounts.ts could have, as changes of a few words: one build of the scheduled code
// each. Schedules and histories must show every one of them (test/proof/mutants.md says which does).

/**
 * @typedef {object} Fault
 * @property {string} name what test/proof/mutants.md calls it
 * @property {string} file
 * @property {string} from stands in the file exactly once
 * @property {string} to
 */

const accounts = (name, from, to) => ({ name, file: "assembly/accounts.ts", from, to });
const lock = (name, from, to) => ({ name, file: "assembly/lock.ts", from, to });
const ledger = (name, from, to) => ({ name, file: "src/memory/shared-ledger.ts", from, to });
const slots = (name, from, to) => ({ name, file: "src/memory/task-slots.ts", from, to });
const turns = (name, from, to) => ({ name, file: "src/memory/turns.ts", from, to });
const debts = (name, from, to) => ({ name, file: "src/memory/debts.ts", from, to });
const manager = (name, from, to) => ({ name, file: "src/memory/manager.ts", from, to });

const executor = (name, from, to) => ({ name, file: "src/shared.ts", from, to });
const places = (name, from, to) => ({ name, file: "src/memory/places.ts", from, to });
const crew = (name, from, to) => ({ name, file: "assembly/crew.ts", from, to });
const repair = (name, from, to) => ({ name, file: "assembly/repair.ts", from, to });
const table = (name, from, to) => ({ name, file: "src/storage/shared-table.ts", from, to });
const blockBytes = (name, from, to) => ({ name, file: "src/storage/arena-bytes.ts", from, to });
const residents = (name, from, to) => ({ name, file: "src/storage/residents.ts", from, to });

const CLAIM = "const found = atomic.cmpxchg<u64>(word, seen, (seen + n) | PRESENT);";
const RELEASE = "const found = atomic.cmpxchg<u64>(word, seen, next);";
const CLOSE = "(seen & LIMIT) == 0 ? seen : atomic.and<u64>(word, ~LIMIT);";

/** @type {Fault[]} */
export const FAULTS = [
  // ---- the common path
  accounts("claim-stores", CLAIM, "const found = seen; atomic.store<u64>(word, (seen + n) | PRESENT);"),
  accounts("claim-makes-no-entry", CLAIM, "const found = atomic.cmpxchg<u64>(word, seen, seen + n);"),
  accounts(
    "claim-beyond-limit",
    "if (held + n > limitOf(seen)) return UNDECIDED;",
    "if (n > limitOf(seen)) return UNDECIDED;",
  ),
  accounts(
    "claim-of-closed",
    "if (held + n > limitOf(seen)) return UNDECIDED;",
    "if (limitOf(seen) != 0 && held + n > limitOf(seen)) return UNDECIDED;",
  ),
  accounts("release-stores", RELEASE, "const found = seen; atomic.store<u64>(word, next);"),
  accounts("release-of-closed", "if ((seen & LIMIT) == 0) return UNDECIDED;\n    const next", "const next"),
  accounts(
    "release-feeds-credit-beyond-limit",
    "const next = n < held ? seen - n :",
    "const next = n < held ? seen - n + (1 << LIMIT_SHIFT) :",
  ),
  accounts(
    "release-to-zero-keeps-entry",
    "n < held ? seen - n : seen & LIMIT;",
    "n < held ? seen - n : seen & (LIMIT | PRESENT);",
  ),
  accounts("release-to-zero-opens-wide", "n < held ? seen - n : seen & LIMIT;", "n < held ? seen - n : LIMIT;"),

  // ---- the lock
  lock(
    "lock-stores",
    "if (atomic.load<u32>(at) == 0 && atomic.cmpxchg<u32>(at, 0, me) == 0) return true;",
    "if (atomic.load<u32>(at) == 0) { atomic.store<u32>(at, me); return true; }",
  ),
  lock(
    "lock-forgets-sleepers",
    "if (atomic.cmpxchg<u32>(at, 0, me | CONTENDED) == 0) return true;",
    "if (atomic.cmpxchg<u32>(at, 0, me) == 0) return true;",
  ),
  lock(
    "unlock-wakes-nobody",
    "if ((atomic.xchg<u32>(at, 0) & CONTENDED) != 0) atomic.notify(at, 1);",
    "atomic.xchg<u32>(at, 0);",
  ),
  accounts(
    "lock-released-twice",
    "openSlots();\n  accountsUnlock();",
    "accountsUnlock();\n  openSlots();\n  accountsUnlock();",
  ),
  accounts("unlock-before-open", "openSlots();\n  accountsUnlock();", "accountsUnlock();\n  openSlots();"),

  // ---- closing and opening
  accounts("close-leaves-open", CLOSE, "seen;"),
  accounts("close-stores", CLOSE, "(atomic.store<u64>(word, seen & ~LIMIT), seen);"),
  accounts("close-one-mode", "const off = closed(slot + 8);", "const off = atomic.load<u64>(slot + 8);"),
  accounts("close-counts-no-entries", "store<f64>(AT_CELLS + ENTRIES, <f64>entriesOn);", ""),
  accounts("stale-use-after-closing", "store<f64>(AT_CELLS + EXECUTION_USED, <f64>heldOn);", ""),
  accounts("open-while-somebody-waits", "if (waiters() != 0 || load", "if (load"),
  accounts("open-while-deciding", " || load<u32>(AT_DECIDING) != 0) return;", ") return;"),
  accounts(
    "cap-of-all-for-each",
    "const cap = <u64>load<f64>(cells + CEILING) / slots;",
    "const cap = <u64>load<f64>(cells + CEILING);",
  ),
  accounts(
    "limit-from-entries",
    "slots += opens(word, mode) ? 1 : 0;",
    "slots += (load<u64>(word) & PRESENT) != 0 ? 1 : 0;",
  ),
  accounts("credit-of-all-for-each", "const credit = free / slots;", "const credit = free;"),
  accounts(
    "credit-of-the-pool",
    "const free = <u64>(load<f64>(cells + EXECUTION_SIZE) - load<f64>(cells + EXECUTION_USED));",
    "const free = <u64>load<f64>(cells + EXECUTION_SIZE);",
  ),
  accounts("limit-below-held", "held < limitOf(bits) ? bits : NO_CREDIT", "bits != 0 ? bits : NO_CREDIT"),
  accounts("no-credit-is-a-byte", "return code < 16 ? 0 :", "return code == 0 ? 0 :"),
  accounts(
    "limit-rounds-up",
    "return ((exponent << 4) | fraction) << LIMIT_SHIFT;",
    "return (((exponent << 4) | fraction) + 1) << LIMIT_SHIFT;",
  ),
  manager(
    "stale-limit-after-storage",
    "    if (fits) this.ledger.useStorage(bytes, mode);\n    this.#refreshCeiling(mode);",
    "    if (fits) this.ledger.useStorage(bytes, mode);",
  ),

  // ---- waiting
  accounts("wake-without-epoch", "atomic.add<u32>(AT_EPOCH, 1);", ""),
  accounts("wake-one", "atomic.notify(AT_EPOCH, -1);", "atomic.notify(AT_EPOCH, 1);"),
  accounts("wake-without-notify", "atomic.notify(AT_EPOCH, -1);", ""),
  accounts("wake-ends-no-wait", "== atomic.load<u32>(AT_EPOCH) ? <u32>word : 0;", "!= 0 ? <u32>word : <u32>word;"),
  ledger(
    "woken-leaves-another-wait",
    "if (this.#registeredIn === this.epoch) return;",
    "if (this.#woken === 0) return;",
  ),
  accounts(
    "epoch-read-too-late",
    "while (atomic.load<u32>(AT_EPOCH) == epoch) {",
    "epoch = atomic.load<u32>(AT_EPOCH);\n  while (atomic.load<u32>(AT_EPOCH) == epoch) {",
  ),
  ledger(
    "release-wakes-nobody",
    "    // Section 3.2: a release wakes, also when it changed nothing.\n    this.#wasm.accountsWake();",
    "",
  ),
  ledger(
    "wake-of-one-mode",
    "    // Section 3.2: a release wakes, also when it changed nothing.\n    this.#wasm.accountsWake();",
    "    if (mode === 0) this.#wasm.accountsWake();",
  ),
  manager("entry-wakes-nobody", "if (entered) this.#wake();", ""),
  ledger("newcomer-passes-waiters", "if (held === ABSENT && waiting + this.waiting !== 0) return UNDECIDED;", ""),
  manager(
    "wait-never-left",
    "      this.ledger.leaveWait();\n      if (this.ledger.balance",
    "      if (this.ledger.balance",
  ),
  manager(
    "storage-release-wakes",
    "    if (this.ledger.releaseStorage(bytes, mode) !== bytes)",
    "    this.#wake();\n    if (this.ledger.releaseStorage(bytes, mode) !== bytes)",
  ),

  // ---- decisions
  ledger(
    "cap-with-wrong-N",
    "const entries = this.entries(mode) + (held === ABSENT ? 1 : 0);",
    "const entries = this.entries(mode);",
  ),
  ledger("grant-beyond-free", "if (bytes > this.executionSize(mode) - this.executionUsed(mode)) return UNDECIDED;", ""),
  manager(
    "state-is-torn",
    "this.ledger.begin();\n    const { executionSize, executionUsed, storageSize, storageUsed } = this.regions[mode];\n    this.ledger.end();",
    "const { executionSize, executionUsed, storageSize, storageUsed } = this.regions[mode];",
  ),
  manager(
    "release-all-in-two-steps",
    "const released =\n      this.ledger.release(this.executionHeld(task, ON_HEAP), task, ON_HEAP) +",
    "const onHeap = this.ledger.release(this.executionHeld(task, ON_HEAP), task, ON_HEAP);\n    this.ledger.end();\n    this.ledger.begin();\n    const released = onHeap +",
  ),
  turns(
    "decisions-pass-deciding",
    "return deciding === 0 || deciding === this.#worker || deciding === dead;",
    "return deciding >= dead - 100;",
  ),

  // ---- patience
  ledger("debt-not-taken-down", "this.#owe(() => this.#releaseAlone(bytes, task, mode));", ""),
  ledger("debt-not-paid", "if (this.#debts.due) this.#pay();", ""),
  ledger(
    "debt-not-committed",
    "      call();\n      this.commit();",
    "      call();\n      this.#wasm.accountsUndo();",
  ),
  debts("debt-paid-twice", "call();\n      this.#owed.shift();", "call();\n      call();\n      this.#owed.shift();"),
  turns(
    "too-late-decides-all-the-same",
    "if (inTime === 0 || left === 0) throw new MemoryBusy(patienceMs);",
    "if (inTime === 0 || left === 0) return;",
  ),

  // ---- slots
  slots(
    "slot-given-though-known",
    "return (this.#u32[at + word]! & ~bit) === 0 && this.#u32[at + 1 - word] === 0;",
    "return true;",
  ),
  slots("slot-given-though-held", "if (this.balance(slot + 8 * mode) !== ABSENT) return false;", ""),
  slots("slot-not-forgotten", "this.#forget(this.task(slot));", ""),

  // ---- death
  accounts("undo-counts-nothing", "atomic.store<u32>(AT_UNDO, entries + 1);", ""),
  accounts(
    "undo-counts-before-written",
    "  store<u64>(entry, <u64>at);\n  store<u64>(entry, load<u64>(at), 8);\n  atomic.store<u32>(AT_UNDO, entries + 1);",
    "  atomic.store<u32>(AT_UNDO, entries + 1);\n  store<u64>(entry, <u64>at);\n  store<u64>(entry, load<u64>(at), 8);",
  ),
  accounts(
    "undo-remembers-too-late",
    "remember(at);\n  store<f64>(at, value);",
    "store<f64>(at, value);\n  remember(at);",
  ),
  accounts("undo-never-committed", "accountsCommit();\n  openSlots();", "openSlots();"),
  turns("recovery-undoes-nothing", "if (this.#mayGoOn(this.#deciding, dead)) wasm.accountsUndo();", ""),
  turns("recovery-undoes-no-eviction", "wasm.accountsSetDeciding(this.#worker);\n      wasm.accountsUndo();", ""),
  ledger("recovery-wakes-the-registered", "this.#wasm.accountsWakeAll();", "this.#wasm.accountsWake();"),
  turns(
    "recovery-wakes-no-decision",
    "wasm.accountsEndDeciding();\n    wasm.accountsClose();",
    "if (this.#deciding === this.#worker) wasm.accountsEndDeciding();\n    wasm.accountsClose();",
  ),
  turns("recovery-leaves-lock-sleepers", "Atomics.or(this.#u32, WORD_LOCK, CONTENDED);", ""),

  // ---- pages that several workers take and free
  crew(
    "page-freed-twice",
    "const found = atomic.cmpxchg<u32>(at + HOLDER, holder, me | CACHED);",
    "const found = holder; atomic.store<u32>(at + HOLDER, me | CACHED);",
  ),
  crew(
    "page-pop-stores",
    "const found = atomic.cmpxchg<u32>(head, index, load<u32>(at, NEXT));",
    "const found = index; atomic.store<u32>(head, load<u32>(at, NEXT));",
  ),
  crew(
    "page-push-stores",
    "const found = atomic.cmpxchg<u32>(head, first, index);",
    "const found = first; atomic.store<u32>(head, index);",
  ),
  // ABA on the free list.
  crew(
    "page-list-taken-without-mark",
    "atomic.cmpxchg<u32>(head, first, first | GOING)",
    "atomic.cmpxchg<u32>(head, first, first)",
  ),

  // ---- the burial of a whole worker
  executor(
    "estate-before-pages",
    "for (const arenas of this.#eachArenas())\n      arenas.recover(tenant.worker, this.#options.debugPages ? FREED_BYTE : undefined);\n    return this.ledger.recover(tenant, () => this.#takeBack(tenant.worker), BURIAL_PATIENCE_MS);",
    "const estate = this.ledger.recover(tenant, () => this.#takeBack(tenant.worker), BURIAL_PATIENCE_MS);\n    for (const arenas of this.#eachArenas()) arenas.recover(tenant.worker);\n    return estate;",
  ),
  executor(
    "pages-of-the-dead-stay",
    "for (const arenas of this.#eachArenas())\n      arenas.recover(tenant.worker, this.#options.debugPages ? FREED_BYTE : undefined);",
    "",
  ),
  executor("blocks-of-the-dead-stay", "this.store.recover(worker);", ""),
  executor("ceilings-not-refreshed", "this.manager.refreshCeilings();", ""),
  executor("leaves-its-pages", "for (const arenas of this.#eachArenas()) arenas.detach();", ""),
  executor("estate-of-whoever-is-there", "if (!this.ledger.isTenant(tenant)) return { execution: 0, storage: 0 };", ""),
  places(
    "tenancies-not-told-apart",
    "return (word & STATE) !== FREE && word === wordOf(tenancy, word & STATE);",
    "return (word & STATE) !== FREE && tenancy > 0;",
  ),
  ledger(
    "place-left-before-the-lock",
    "this.alone(() => this.#giveBackAllOf(this.worker, rest));",
    "this.alone(() => {\n      this.#giveBackAllOf(this.worker, rest);\n      freeItsPlace(this.memory, this.worker);\n    });",
  ),
  ledger("storage-in-no-block-stays", "storage += this.releaseBlock(this.f64[cell / 8]!, mode);", ""),
  repair(
    "page-back-twice",
    "const found = atomic.cmpxchg<u32>(at + HOLDER, holder, self() | BUSY);",
    "const found = holder; atomic.store<u32>(at + HOLDER, self() | BUSY);",
  ),
  repair("death-with-the-pages-lock-not-seen", "torn = isDead(owner & ~CONTENDED);", "torn = false;"),
  repair(
    "pages-lock-taken-without-its-sleepers",
    "if (atomic.cmpxchg<u32>(AT_LOCK, owner, self() | CONTENDED) == owner) break;",
    "if (atomic.cmpxchg<u32>(AT_LOCK, owner, self()) == owner) break;",
  ),
  repair(
    "pages-lock-kept",
    "atomic.store<u32>(placeOf(each) + STATE, VACANT);\n  }\n  lockGive(AT_LOCK);",
    "atomic.store<u32>(placeOf(each) + STATE, VACANT);\n  }",
  ),
  repair("torn-tables-stay-torn", "if (torn) rebuild();", ""),
  repair(
    "who-leaves-is-called-dead",
    "if (!leaves) atomic.store<u32>(placeOf(worker) + STATE, DEAD);",
    "atomic.store<u32>(placeOf(worker) + STATE, DEAD);",
  ),
  repair("who-dies-meanwhile-is-forgotten", "if (!isBuried(each)) continue;", "if (!isDead(each)) continue;"),
  blockBytes("blocks-go-with-their-writer", "arena.handOver(page, place) >>> 0", "page.handle >>> 0"),
  blockBytes("bytes-of-no-block-stay", "for (const handle of lost) arena.freeBlock(handle);", "lost.length = 0;"),
  residents(
    "bytes-given-before-the-block-is-gone",
    "table.remove(slot);\n    this.manager.releaseBlock(bytes, mode);\n    this.ledger.commit();",
    "if (place !== NO_PLACE) this.keepers[mode]!.give(place, bytes);\n    table.remove(slot);\n    this.manager.releaseBlock(bytes, mode);\n    this.ledger.commit();\n    if (place !== NO_PLACE) return;",
  ),
  table("block-there-before-its-bytes", "this.#i32[at + PINS] = ARRIVING;", "this.#i32[at + PINS] = 0;"),
  table("read-locks-of-the-dead-stay", "this.#u16[this.#column(slot, dead)] = 0;", ""),
];
