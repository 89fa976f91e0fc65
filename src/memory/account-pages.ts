// Pages without memory: for simulators and replays, which account for an executor of any size and touch no byte of it.

import { assert } from "../fault.js";
import type { Mode } from "./mode.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, Page, type PageAllocator } from "./page.js";
import { Views } from "./views.js";

const NOTHING = new Views(new ArrayBuffer(0));

/**
 * An allocator that always has room and whose pages must not be read or written.
 *
 * @example
 * ```ts
 * import { accountPages, ON_HEAP } from "tungsten-memory";
 *
 * const page = accountPages(ON_HEAP).allocate(2 ** 40);
 * console.log(page?.bytes); // 1099511627776
 * ```
 */
export function accountPages(mode: Mode): PageAllocator {
  return {
    mode,
    allocate: (bytes) => new Page(mode, bytes, 0, NOTHING, 0),
    free(page) {
      assert(
        page.number === NO_PAGE || page.number === FREED_IN_TASK,
        `a page is freed in its task first, not at ${page.number}`,
      );
      page.number = FREED_IN_ALLOCATOR;
    },
  };
}
