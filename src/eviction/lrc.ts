// Least reference count (Yu et al., INFOCOM 2017): the lineage of a job tells how many blocks are still to be computed from a
// block; who is needed least leaves first, and among equals who was used longest ago.

import { RankedPolicy } from "./ranked.js";

export class Lrc extends RankedPolicy {
  readonly name = "lrc";
  readonly hint = "refs";

  protected rankIn(_id: number, _size: number, refs: number): number {
    return refs;
  }

  protected rankUsed(_id: number, _rank: number, refs: number): number {
    return refs;
  }

  override note(id: number, refs: number): void {
    this.rerank(id, refs);
  }
}
