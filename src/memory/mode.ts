// The two modes of memory. They are independent: nothing is ever borrowed across them (section 1.1 of the law).

/** `ON_HEAP` or `OFF_HEAP`: a small integer, so that it can index the cells of a ledger. */
export type Mode = 0 | 1;

/** Memory in buffers of the JavaScript heap. */
export const ON_HEAP = 0;

/** Memory in pages of a WebAssembly linear memory. */
export const OFF_HEAP = 1;

/** A mode, as traces and reports write it. */
export type ModeName = "onHeap" | "offHeap";

/**
 * `onHeap` or `offHeap`, as traces and reports write it.
 *
 * @example
 * ```ts
 * import { modeName, OFF_HEAP, ON_HEAP } from "tungsten-memory";
 *
 * console.log(modeName(ON_HEAP), modeName(OFF_HEAP)); // onHeap offHeap
 * ```
 */
export function modeName(mode: Mode): ModeName {
  return mode === ON_HEAP ? "onHeap" : "offHeap";
}
