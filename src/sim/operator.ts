// An operator as a consumer of execution memory: how its pages and its pointer array grow, and when it can spill, are those
// of Spark's (section 9 of the law). What is in the pages is left out: there are counts of records where they have bytes.

import { Consumer } from "../execution/consumer.js";
import type { TaskMemoryManager } from "../execution/task.js";
import type { Page } from "../memory/page.js";
import type { Request } from "../memory/wait.js";
import type { OperatorKind, OperatorPlan } from "./plan.js";

/** Told of what a spill gave back and wrote. */
export interface SpillAccount {
  /** `pageBytes` of memory left, `dataBytes` of records go to disk, for a request of the task `forTask`. */
  spilled(pageBytes: number, dataBytes: number, forTask: number): void;
}

interface Shape {
  /** Array bytes that one record needs: two words of which radix sort leaves half free, one word so, two words half full. */
  readonly pointerBytes: number;
  /** Length prefixes and links next to the record (sections 9.2 to 9.4). */
  readonly overheadBytes: number;
  readonly firstArrayBytes: number;
  readonly mostPageBytes: number;
  /** Whether it writes itself away where it is the last that can. */
  readonly spillsItself: boolean;
  /** What it gives up for others while it is being read. While it is filled nobody gets anything. */
  readonly givesWhileRead: "all" | "pages" | "nothing";
}

const MIB = 2 ** 20;

const SHAPES: Readonly<Record<OperatorKind, Shape>> = {
  sort: {
    pointerBytes: 32,
    overheadBytes: 4,
    firstArrayBytes: MIB / 16,
    mostPageBytes: Infinity,
    spillsItself: true,
    givesWhileRead: "all",
  },
  aggregate: {
    pointerBytes: 32,
    overheadBytes: 16,
    firstArrayBytes: MIB / 4,
    mostPageBytes: Infinity,
    spillsItself: false,
    givesWhileRead: "pages",
  },
  join: {
    pointerBytes: 32,
    overheadBytes: 16,
    firstArrayBytes: MIB / 4,
    mostPageBytes: Infinity,
    spillsItself: false,
    givesWhileRead: "nothing",
  },
  shuffle: {
    pointerBytes: 16,
    overheadBytes: 4,
    firstArrayBytes: MIB / 32,
    mostPageBytes: 128 * MIB,
    spillsItself: true,
    givesWhileRead: "nothing",
  },
};

/** Bytes of pages and array are those of an executor that runs it; records are counted. */
export class Operator extends Consumer {
  readonly plan: OperatorPlan;
  readonly #shape: Shape;
  readonly #account: SpillAccount;
  readonly #rowBytes: number;
  readonly #pages: Page[] = [];
  #array: Page | null = null;
  #records = 0;
  #pageRoom = 0;
  #arrayRoom = 0;
  #reading = false;
  // Bytes of records on disk that nobody has read back.
  #writtenBytes = 0;
  // Written away since it got something last: what it lacks now is less.
  #emptied = false;

  constructor(task: TaskMemoryManager, plan: OperatorPlan, account: SpillAccount) {
    const shape = SHAPES[plan.kind];
    super(task, { name: plan.kind, pageBytes: Math.min(shape.mostPageBytes, task.pageBytes) });
    this.plan = plan;
    this.#shape = shape;
    this.#account = account;
    this.#rowBytes = plan.recordBytes + shape.overheadBytes;
  }

  /** Records that fit without asking for memory. */
  get room(): number {
    return Math.min(this.#pageRoom, this.#arrayRoom);
  }

  /** Bytes that have to be asked for before the next record fits. Only where there is no room. */
  get lacks(): number {
    return this.#arrayRoom === 0 ? this.#nextArrayBytes : Math.max(this.pageBytes, this.#rowBytes);
  }

  /** Takes `records`, at most as many as there is room for. */
  take(records: number): void {
    this.#records += records;
    this.#pageRoom -= records;
    this.#arrayRoom -= records;
  }

  /** Gets what it lacks, or throws TaskOutOfMemory; only where nobody has to wait. */
  grow(): void {
    if (this.#arrayRoom > 0) this.#addPage(this.allocatePage(this.#rowBytes));
    else this.#setArray(this.allocateArray(this.#nextArrayBytes / 8));
  }

  /** The same as a request that can wait. */
  *growRequest(): Request<void> {
    if (this.#arrayRoom > 0) this.#addPage(yield* this.pageRequest(this.#rowBytes));
    else this.#setArray(yield* this.arrayRequest(this.#nextArrayBytes / 8));
  }

  /** After a refusal: whether there is a way to go on. An aggregation writes its map away and begins anew. */
  goesOn(): boolean {
    if (!this.#emptied && this.plan.kind === "aggregate" && this.#records > 0) this.#writeAll(this.task.id);
    const emptied = this.#emptied;
    this.#emptied = false;
    return emptied;
  }

  /** All records are in: from here on the next operator reads them, and a map needs its array no more (section 9.4). */
  read(): void {
    this.#reading = true;
    if (this.#shape.givesWhileRead === "pages") this.#dropArray();
  }

  /** Bytes of records that have to be read back, once. */
  takeWritten(): number {
    const bytes = this.#writtenBytes;
    this.#writtenBytes = 0;
    return bytes;
  }

  spill(bytes: number, trigger: Consumer): number {
    if (trigger === this) {
      return this.#shape.spillsItself && this.#records > 0 ? this.#writeAll(this.task.id) : 0;
    }
    if (!this.#reading || this.#records === 0) return 0;
    if (this.#shape.givesWhileRead === "all") return this.#writeAll(trigger.task.id);
    return this.#shape.givesWhileRead === "pages" ? this.#writePages(bytes, trigger.task.id) : 0;
  }

  /** Gives everything back. */
  close(): void {
    for (const page of this.#pages.splice(0)) this.freePage(page);
    this.#dropArray();
    this.#records = 0;
    this.#pageRoom = 0;
  }

  get #nextArrayBytes(): number {
    return this.#array === null ? this.#shape.firstArrayBytes : 2 * this.#array.bytes;
  }

  #addPage(page: Page): void {
    this.#emptied = false;
    this.#pages.push(page);
    this.#pageRoom = (page.bytes - (page.bytes % this.#rowBytes)) / this.#rowBytes;
  }

  // A spill may have taken the old array and all records meanwhile; then the small one that it begins with will do.
  #setArray(page: Page): void {
    this.#emptied = false;
    if (this.#array === null && page.bytes > this.#shape.firstArrayBytes) {
      this.freePage(page);
      return;
    }
    this.#dropArray();
    this.#array = page;
    this.#arrayRoom = page.bytes / this.#shape.pointerBytes - this.#records;
  }

  #dropArray(): void {
    if (this.#array !== null) this.freePage(this.#array);
    this.#array = null;
    this.#arrayRoom = 0;
  }

  // Pages and array go; the array's bytes do not count as spilled (section 9.2).
  #writeAll(forTask: number): number {
    const before = this.used;
    const arrayBytes = this.#array === null ? 0 : this.#array.bytes;
    const data = this.#records * this.plan.recordBytes;
    this.close();
    this.#emptied = true;
    this.#writtenBytes += data;
    this.#account.spilled(before - arrayBytes, data, forTask);
    return before - arrayBytes;
  }

  // From the last page on, until `bytes` are free; the first is being read (section 9.4).
  #writePages(bytes: number, forTask: number): number {
    const held = this.#pages.reduce((sum, page) => sum + page.bytes, 0);
    let freed = 0;
    while (freed < bytes && this.#pages.length > 1) {
      const page = this.#pages.pop()!;
      freed += page.bytes;
      this.freePage(page);
    }
    if (freed === 0) return 0;
    const records = Math.floor((this.#records * freed) / held);
    this.#records -= records;
    this.#writtenBytes += records * this.plan.recordBytes;
    this.#account.spilled(freed, records * this.plan.recordBytes, forTask);
    return freed;
  }
}
