// Least frequently used: uses are counted while an object is in the cache, and forgotten with it.

import { RankedPolicy } from "./ranked.js";

export class Lfu extends RankedPolicy {
  readonly name = "lfu";
  readonly hint = "none";

  protected rankIn(): number {
    return 1;
  }

  protected rankUsed(_id: number, uses: number): number {
    return uses + 1;
  }
}
