// What a worker of a whole executor does: pages and blocks besides its accounts. Answers are one number each.

import { Consumer } from "../../../src/execution/consumer.js";
import { type Arena, ArenaError } from "../../../src/memory/arena.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../../src/memory/mode.js";
import type { Page } from "../../../src/memory/page.js";
import { PageError } from "../../../src/memory/page-error.js";
import { BlockExists, BlockMisuse } from "../../../src/storage/contract.js";
import type { Tenant } from "../../../src/memory/places.js";
import type { SharedExecutor } from "../../../src/shared.js";
import type { SharedArenas } from "../../../src/shared-arenas.js";
import { type Belongings, HANDED } from "./control.js";
import { perform } from "./perform.js";
import type { Call, Deed, Operation } from "./program.js";

/** There is no such page or block yet. */
const NOT_YET = -1;

/** Each worker passes pages on in the name of a task of its own. */
const PASSING = 100;

class Holder extends Consumer {
  readonly pages: Page[] = [];

  override spill(): number {
    return 0;
  }

  take(bytes: number): Page {
    const page = this.task.allocatePage(bytes, this)!;
    this.pages.push(page);
    return page;
  }

  /** Gives the last page back and answers its bytes. */
  give(): number {
    const page = this.pages.pop()!;
    this.task.freePage(page, this);
    return page.bytes;
  }
}

/** The byte that fills a block. */
export const fillOf = (block: number): number => 1 + (block % 255);

/** One worker's executor. `passed` are handles of pages as control.ts draws them. */
export class Doer {
  executor: SharedExecutor;
  readonly #attach: (tenant: Tenant | null) => SharedExecutor;
  readonly #passed: Int32Array;
  #here = true;
  #pins = 0;
  // Those of the pages passed on that are still its own.
  readonly #lent = new Set<number>();
  readonly #holders = new Map<number, Holder>();
  // Bytes by mode and task.
  readonly #granted = [new Map<number, number>(), new Map<number, number>()] as const;

  /** `attach` is how it comes: first to the place that it was given, which is no tenant's. */
  constructor(attach: (tenant: Tenant | null) => SharedExecutor, passed: Int32Array) {
    this.#attach = attach;
    this.executor = attach(null);
    this.#passed = passed;
  }

  /** What it holds now by what it was answered, but for pages that it has passed on. */
  belongings(): Belongings {
    const sum = (of: Map<number, number>): number => [...of.values()].reduce((all, each) => all + each, 0);
    const pages = [...this.#holders.values()].flatMap((holder) => holder.pages.map(({ handle }) => handle));
    const place = this.#here ? this.executor.worker : 0;
    return { place, bytes: [sum(this.#granted[0]), sum(this.#granted[1])], pins: this.#pins, pages };
  }

  /** What the call is answered. */
  do(call: Call, operation: Operation): number {
    const { store, manager } = this.executor;
    const deed = operation as Deed | Extract<Operation, { does: "acquire" | "release" }>;
    switch (deed.does) {
      case "acquire":
        return this.#count(this.executor.acquireOrSleep(deed.bytes, deed.task, deed.mode ?? 0), deed.task, deed.mode);
      case "release":
        return -this.#count(-manager.releaseExecution(deed.bytes, deed.task, deed.mode ?? 0), deed.task, deed.mode);
      case "page": {
        const page = this.#holder(deed.task).take(deed.bytes);
        this.#count(page.bytes, deed.task, OFF_HEAP);
        return page.handle;
      }
      case "freePage":
        if (this.#holder(deed.task).pages.length === 0) return NOT_YET;
        this.#count(-this.#holder(deed.task).give(), deed.task, OFF_HEAP);
        return 1;
      case "lend":
        this.#lent.add(deed.passed);
        return (this.#passed[deed.passed] = this.#pageToPass(deed.bytes).handle);
      case "hand": {
        const page = this.#pageToPass(deed.bytes);
        // For who dies in between.
        this.#passed[deed.passed] = page.handle;
        if (!this.#handOver(page, deed.to)) {
          this.#lent.add(deed.passed);
          return NOT_YET;
        }
        return (this.#passed[deed.passed] = page.handle | HANDED);
      }
      case "freeLent":
        return this.#take(deed.passed, (handle) => this.#arena.freeBlock(handle));
      case "receive":
        return this.#take(deed.passed, (handle) => this.#arena.free(this.#arena.receive(handle, deed.bytes)));
      case "putBlock": {
        const bytes = new Uint8Array(deed.bytes).fill(fillOf(deed.block));
        return Number(allowing(() => store.put(`b${deed.block}`, bytes, deed.mode)));
      }
      case "unroll":
        return Number(store.reserveUnroll(`b${deed.block}`, deed.bytes, deed.mode));
      case "pin":
        return this.#pin(1, () => store.pin(`b${deed.block}`));
      case "unpin":
        return this.#pin(-1, () => store.unpin(`b${deed.block}`));
      case "readBlock": {
        const bytes = store.read(`b${deed.block}`);
        if (bytes?.some((byte) => byte !== fillOf(deed.block)) === true) throw new Error(`block ${deed.block} is torn`);
        return bytes?.length ?? NOT_YET;
      }
      case "removeBlock":
        return Number(allowing(() => store.remove(`b${deed.block}`)));
      case "endTask":
        this.executor.endTask(deed.task, true);
        this.#holders.delete(deed.task);
        for (const granted of this.#granted) granted.delete(deed.task);
        return 1;
      case "leave":
        this.executor.close();
        this.#here = false;
        this.#pins = 0;
        this.#holders.clear();
        for (const granted of this.#granted) granted.clear();
        for (const passed of this.#lent) this.#passed[passed] = -Math.abs(this.#passed[passed]!);
        return 1;
      case "comeAgain":
        this.executor = this.#attach(this.executor.ledger.reserve());
        this.#here = true;
        return this.executor.worker;
      default:
        return perform(manager, call, operation);
    }
  }

  get #arena(): Arena {
    return (this.executor.allocator(OFF_HEAP) as SharedArenas).arenas[0]!;
  }

  #count(bytes: number, task: number, mode: Mode = ON_HEAP): number {
    const granted = this.#granted[mode];
    granted.set(task, (granted.get(task) ?? 0) + bytes);
    return bytes;
  }

  #pin(change: number, call: () => void): number {
    const done = allowing(() => (call(), true));
    if (done) this.#pins += change;
    return Number(done);
  }

  #holder(task: number): Holder {
    let holder = this.#holders.get(task);
    if (holder === undefined) this.#holders.set(task, (holder = new Holder(this.executor.task(task))));
    return holder;
  }

  #pageToPass(bytes: number): Page {
    const { manager, worker } = this.executor;
    const task = PASSING + worker;
    const granted = this.#count(manager.acquireExecution(bytes, task, OFF_HEAP), task, OFF_HEAP);
    if (granted !== bytes) throw new Error(`${granted} of ${bytes} bytes for a page to pass on`);
    return this.executor.allocator(OFF_HEAP).allocate(bytes)!;
  }

  // Whoever is to have it may not be here yet: then the page is there for whoever comes.
  #handOver(page: Page, to: number): boolean {
    try {
      this.#arena.handOver(page, to);
      return true;
    } catch (error) {
      if (error instanceof ArenaError) return false;
      throw error;
    }
  }

  // A page is passed on once, and whoever comes first for it has it.
  #take(passed: number, free: (handle: number) => void): number {
    const handle = this.#passed[passed]! & ~HANDED;
    if (handle === 0) return NOT_YET;
    try {
      free(handle);
      this.#passed[passed] = -handle;
      return 1;
    } catch (error) {
      if (error instanceof PageError) return 0;
      throw error;
    }
  }
}

// What a store may answer when several come at once.
function allowing(call: () => boolean): boolean {
  try {
    return call();
  } catch (error) {
    if (error instanceof BlockExists || error instanceof BlockMisuse) return false;
    throw error;
  }
}
