// The laws of the shared accounts, read from their raw words between any two steps: what the head of assembly/accounts.ts
// says must hold, by somebody who knows the layout and nothing of the protocol's code.

/** Places and numbers by the names that assembly/accounts.ts gives them. */
export type Layout = Readonly<Record<string, number>>;

/** The constants of a source that are plain numbers. */
export function readLayout(source: string): Layout {
  const found = source.matchAll(/^(?:export )?const ([A-Z_]+)(?:: \w+)? = (0x[0-9a-f]+|\d+);/gm);
  return Object.fromEntries([...found].map(([, name, number]) => [name!, Number(number)]));
}

const MODES = ["on-heap", "off-heap"] as const;

// A word of a slot, in halves. Limit: bytes up to which the task may go by itself, 0 also when it may only release.

export function heldOf(low: number, high: number): number {
  return (high & 0x1fffff) * 2 ** 32 + low;
}

export function isPresent(high: number): boolean {
  return (high & 0x200000) !== 0;
}

function limitOf(high: number): number {
  const code = high >>> 22;
  return code < 16 ? 0 : Math.floor(((16 | (code & 15)) * 2 ** (code >> 4)) / 16);
}

function isOpen(high: number): boolean {
  return high >>> 22 !== 0;
}

/** Reads the raw accounts. */
export class Accounts {
  readonly layout: Layout;
  readonly u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #firstSlot: number;
  readonly #slotBytes: number;

  constructor(buffer: ArrayBufferLike, layout: Layout) {
    this.layout = layout;
    this.#firstSlot = layout["AT_FIRST_SLOT"]!;
    this.#slotBytes = layout["SLOT_BYTES"]!;
    this.u32 = new Uint32Array(buffer);
    this.#f64 = new Float64Array(buffer);
  }

  word(name: string): number {
    return this.u32[this.layout[name]! / 4]!;
  }

  cell(name: string, mode: number): number {
    return this.#f64[(this.layout["AT_CELLS"]! + mode * this.layout["CELLS_BYTES"]! + this.layout[name]!) / 8]!;
  }

  get lockOwner(): number {
    return this.word("AT_LOCK") & 0x7fffffff;
  }

  /** Who sleeps for memory: those that were counted in this epoch. */
  get waiters(): number {
    const at = this.layout["AT_WAITERS"]! / 4;
    return this.u32[at + 1] === this.word("AT_EPOCH") ? this.u32[at]! : 0;
  }

  get slots(): number[] {
    return Array.from({ length: this.word("AT_SLOTS_USED") }, (_, i) => this.#firstSlot + i * this.#slotBytes);
  }

  taskOf(slot: number): number {
    return this.#f64[(slot + 16) / 8]!;
  }

  /** Index of the first half of a slot's word. */
  slotWord(slot: number, mode: number): number {
    return (this.#firstSlot + slot * this.#slotBytes) / 4 + 2 * mode;
  }
}

// A note of the accounts, taken after every step: 1, the lock, the slots in use, and the words of each slot.
const NOTED = 0;
const NOTED_LOCK = 1;
const NOTED_SLOTS = 2;
const NOTED_WORDS = 3;

/** Slots that a note has room for. */
export const NOTE_SLOTS = 64;
export const NOTE_WORDS: number = NOTED_WORDS + 4 * NOTE_SLOTS;

/**
 * What is wrong with the accounts as they lie, or null. `note` is what they were before the last step (0 in its first word:
 * unknown) and is brought up to date; `actor` is the number of the worker that took the step. Allocates nothing.
 */
export function brokenLaw(accounts: Accounts, note: Uint32Array, actor: number): string | null {
  const { u32 } = accounts;
  const waiters = accounts.waiters;
  const deciding = accounts.word("AT_DECIDING");
  // What a decision has changed so far is not the accounts' state before it stands.
  const open = accounts.word("AT_UNDO") !== 0;
  const used = accounts.word("AT_SLOTS_USED");
  if (used > NOTE_SLOTS) return `${used} slots are too many to audit`;
  for (let mode = 0; mode < 2; mode += 1) {
    let backed = 0;
    let sharing = 0;
    let widest = 0;
    for (let i = 0; i < used; i += 1) {
      const word = accounts.slotWord(i, mode);
      const low = u32[word]!;
      const high = u32[word + 1]!;
      const held = heldOf(low, high);
      const limit = limitOf(high);
      if (held > limit && limit > 0)
        return `${nameOf(accounts, i, mode)}: holds ${held}, beyond its open limit of ${limit}`;
      if (held > 0 && !isPresent(high)) return `${nameOf(accounts, i, mode)}: holds ${held} bytes and has no entry`;
      if (isOpen(high) && waiters !== 0) return `${nameOf(accounts, i, mode)}: open while ${waiters} wait`;
      if (isOpen(high) && deciding !== 0)
        return `${nameOf(accounts, i, mode)}: open while worker ${deciding} is deciding`;
      backed += Math.max(held, limit);
      if (isPresent(high) || isOpen(high)) sharing += 1;
      widest = Math.max(widest, limit);
      const at = NOTED_WORDS + 4 * i + 2 * mode;
      if (note[NOTED] === 1 && i < note[NOTED_SLOTS]! && (note[at] !== low || note[at + 1] !== high)) {
        const trouble = brokenStep(note[at]!, note[at + 1]!, low, high, note[NOTED_LOCK]!, actor);
        if (trouble !== null) return `${nameOf(accounts, i, mode)}: ${trouble}`;
      }
      note[at] = low;
      note[at + 1] = high;
    }
    const size = accounts.cell("EXECUTION_SIZE", mode);
    if (backed > size && !open) return `${MODES[mode]}: ${backed} bytes are held or promised, the pool has ${size}`;
    const ceiling = accounts.cell("CEILING", mode);
    if (widest * sharing > ceiling)
      return `${MODES[mode]}: a limit of ${widest} for one of ${sharing} is beyond a ceiling of ${ceiling}`;
    const storage = accounts.cell("STORAGE_USED", mode);
    if (!(storage >= 0)) return `${MODES[mode]}: storage uses ${storage} bytes`;
  }
  note[NOTED] = 1;
  // Who decides without the lock: its owner can only look.
  note[NOTED_LOCK] = deciding === 0 ? accounts.lockOwner : deciding;
  note[NOTED_SLOTS] = used;
  return null;
}

function nameOf(accounts: Accounts, slot: number, mode: number): string {
  return `task ${accounts.taskOf(accounts.slots[slot]!)}, ${MODES[mode]}`;
}

/** Who may change a word, and how: invariant 1. */
function brokenStep(
  lowWas: number,
  highWas: number,
  low: number,
  high: number,
  owner: number,
  actor: number,
): string | null {
  const wasOpen = isOpen(highWas);
  if (wasOpen && highWas >>> 22 === high >>> 22) {
    const noMore = limitOf(high) > 0 || heldOf(low, high) <= heldOf(lowWas, highWas);
    return noMore ? null : `acquired without credit`;
  }
  if (wasOpen && isOpen(high)) return `an open limit went from ${limitOf(highWas)} to ${limitOf(high)}`;
  if (owner !== actor) return `changed by worker ${actor} while ${owner === 0 ? "nobody" : `worker ${owner}`} decides`;
  if (wasOpen && (heldOf(lowWas, highWas) !== heldOf(low, high) || isPresent(highWas) !== isPresent(high)))
    return `held ${heldOf(lowWas, highWas)} bytes when it was closed, and ${heldOf(low, high)} after`;
  return null;
}

/** What is wrong with accounts that nobody is at work on, `sleepers` of whom sleep; null when nothing is. */
export function brokenRest(accounts: Accounts, sleepers: number, totals: readonly [number, number]): string | null {
  if (accounts.lockOwner !== 0) return `worker ${accounts.lockOwner} holds the lock at rest`;
  if (accounts.word("AT_DECIDING") !== 0) return `worker ${accounts.word("AT_DECIDING")} is deciding at rest`;
  if (accounts.word("AT_UNDO") !== 0) return `${accounts.word("AT_UNDO")} changes are open at rest`;
  const waiters = accounts.waiters;
  if (waiters !== sleepers) return `${waiters} wait by the accounts, ${sleepers} do`;
  for (const mode of [0, 1]) {
    const sizes = accounts.cell("EXECUTION_SIZE", mode) + accounts.cell("STORAGE_SIZE", mode);
    if (sizes !== totals[mode]) return `${MODES[mode]}: the pools have ${sizes} of ${totals[mode]} bytes`;
    if (accounts.cell("STORAGE_USED", mode) > accounts.cell("STORAGE_SIZE", mode))
      return `${MODES[mode]}: storage uses more than its pool has`;
  }
  return null;
}
