// What allocators say when a page is used against the rules.

import { Refusal } from "../fault.js";

/** How a page was misused. */
export type PageFault =
  | "double free"
  | "foreign page"
  | "freed while in a task"
  | "bad size"
  | "write past the end"
  | "write before the start"
  | "write after free";

/**
 * A page was misused: `fault` says how, `owner` who held it, where that is known.
 *
 * @example
 * ```ts
 * import { HeapPool, PageError } from "tungsten-memory";
 *
 * const pool = new HeapPool();
 * const page = pool.allocate(64)!;
 * pool.free(page);
 * try {
 *   pool.free(page);
 * } catch (error) {
 *   if (error instanceof PageError) console.log(error.fault); // double free
 * }
 * ```
 */
export class PageError extends Refusal {
  override readonly name = "PageError";
  /** What was done wrong. */
  readonly fault: PageFault;
  /** Who holds the page, null where nobody does or that is not known. */
  readonly owner: string | null;

  constructor(fault: PageFault, what: string, owner: string | null = null) {
    super(`${fault}: ${what}${owner === null ? "" : `, held by ${owner}`}`);
    this.fault = fault;
    this.owner = owner;
  }
}
