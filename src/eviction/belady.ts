// Belady's MIN (1966), offline: who is used again last leaves first. The bound for objects of one size.

import { RankedPolicy } from "./ranked.js";

export class Belady extends RankedPolicy {
  readonly name = "belady";
  readonly hint = "nextUse";

  protected rankIn(_id: number, _size: number, nextUse: number): number {
    return -nextUse;
  }

  protected rankUsed(_id: number, _rank: number, nextUse: number): number {
    return -nextUse;
  }

  override note(id: number, nextUse: number): void {
    this.rerank(id, -nextUse);
  }
}
