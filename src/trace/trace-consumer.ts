// A consumer of a trace: it holds bytes and pages, and spills as its row declared (the table `onSpill` of the format).

import { Consumer } from "../execution/consumer.js";
import { Misuse } from "../execution/refusal.js";
import type { TaskMemoryManager } from "../execution/task.js";
import type { Mode } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
import type { Request } from "../memory/wait.js";
import type { OnSpill } from "./format.js";

export class TraceConsumer extends Consumer {
  readonly onSpill: OnSpill;
  /** Its pages by number. */
  readonly pages = new Map<number, Page>();
  /** Bytes held outside pages. */
  loose = 0;

  constructor(task: TaskMemoryManager, name: string, mode: Mode, onSpill: OnSpill) {
    super(task, { name, mode });
    this.onSpill = onSpill;
  }

  /** Acquires bytes outside pages; how many it got. */
  *looseRequest(bytes: number): Request<number> {
    const granted = yield* this.acquireRequest(bytes);
    this.loose += granted;
    return granted;
  }

  /** Allocates a page of at least so many bytes. */
  *newPageRequest(bytes: number): Request<Page> {
    const page = yield* this.pageRequest(bytes);
    this.pages.set(page.number, page);
    return page;
  }

  /** Gives back one of its pages; false for one that it does not hold, or no more. */
  dropPage(page: Page): boolean {
    if (this.pages.get(page.number) !== page) return false;
    this.pages.delete(page.number);
    this.freePage(page);
    return true;
  }

  /** Gives everything back; the bytes that it was. */
  giveAll(): number {
    return this.#spillPages(Infinity) + this.#spillLoose(this.loose);
  }

  /** Gives back bytes outside pages; more than it holds there would be taken from its pages. */
  freeLoose(bytes: number): void {
    if (bytes > this.loose) throw new Misuse(`consumer ${this.name} frees ${bytes} bytes and holds ${this.loose}`);
    this.loose -= bytes;
    this.freeMemory(bytes);
  }

  override spill(asked: number, trigger: Consumer): number {
    switch (this.onSpill) {
      case "all":
        return this.giveAll();
      case "asked":
        return this.#spillLoose(Math.min(asked, this.loose));
      case "half":
        return this.#spillLoose(Math.ceil(this.loose / 2));
      case "pages":
        return this.#spillPages(asked);
      case "nothing":
        return 0;
      case "others":
        return trigger === this ? 0 : this.giveAll();
      case "fail":
        throw Object.assign(new Error("the consumer cannot spill"), { code: "EIO" });
    }
  }

  #spillPages(enough: number): number {
    let freed = 0;
    for (const [, page] of [...this.pages].sort((a, b) => a[0] - b[0])) {
      if (freed >= enough) break;
      this.dropPage(page);
      freed += page.bytes;
    }
    return freed;
  }

  #spillLoose(bytes: number): number {
    if (bytes > 0) this.freeLoose(bytes);
    return bytes;
  }
}
