// A consumer of a trace: it holds bytes and pages, and spills as its row declared (the table `onSpill` of the format).

import { Consumer } from "../execution/consumer.js";
import { Misuse } from "../execution/refusal.js";
import type { TaskMemoryManager } from "../execution/task.js";
import type { Mode } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
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

  /** Gives back bytes outside pages; more than it holds there would be taken from its pages. */
  freeLoose(bytes: number): void {
    if (bytes > this.loose) throw new Misuse(`consumer ${this.name} frees ${bytes} bytes and holds ${this.loose}`);
    this.loose -= bytes;
    this.freeMemory(bytes);
  }

  override spill(asked: number, trigger: Consumer): number {
    switch (this.onSpill) {
      case "all":
        return this.#spillPages(Infinity) + this.#spillLoose(this.loose);
      case "asked":
        return this.#spillLoose(Math.min(asked, this.loose));
      case "half":
        return this.#spillLoose(Math.ceil(this.loose / 2));
      case "pages":
        return this.#spillPages(asked);
      case "nothing":
        return 0;
      case "others":
        return trigger === this ? 0 : this.#spillPages(Infinity) + this.#spillLoose(this.loose);
      case "fail":
        throw Object.assign(new Error("the consumer cannot spill"), { code: "EIO" });
    }
  }

  #spillPages(enough: number): number {
    let freed = 0;
    for (const [number, page] of [...this.pages].sort((a, b) => a[0] - b[0])) {
      if (freed >= enough) break;
      this.pages.delete(number);
      this.freePage(page);
      freed += page.bytes;
    }
    return freed;
  }

  #spillLoose(bytes: number): number {
    if (bytes > 0) this.freeLoose(bytes);
    return bytes;
  }
}
