// Room for work that no account counts, as Spark's own write and read buffers are not counted: histograms, the block being
// laid out, the windows of a merge. It lies in the memory of the pages it works on where kernels can reach them, else on
// the JavaScript heap. It is reserved before it is needed, so that spilling never asks for memory.

import { kernelsOver } from "../memory/arena.js";
import { ArenaSet } from "../memory/arena-set.js";
import type { Page, PageAllocator } from "../memory/page.js";
import { Views } from "../memory/views.js";
import type { RowKernels } from "./rows.js";

/** `bytes` bytes from byte `base` (a multiple of 16) of `views`. */
export interface Workspace {
  readonly views: Views;
  readonly base: number;
  readonly bytes: number;
  /** What can run over `views`; null on the JavaScript heap. */
  readonly kernels: RowKernels | null;
  /** Gives the room back. Idempotent. */
  release(): void;
}

/** Room beside the pages behind `near`. Falls back to the JavaScript heap where that memory has no more. */
export function openWorkspace(allocator: PageAllocator, near: Views, bytes: number): Workspace {
  const kernels = kernelsOver<RowKernels>(near);
  const beside = kernels === null ? null : arenaOf(allocator, near);
  const page = beside?.allocate(bytes) ?? null;
  if (page === null || page.views !== near) {
    if (page !== null) beside!.free(page);
    return { views: new Views(new ArrayBuffer(Math.ceil(bytes / 8) * 8)), base: 0, bytes, kernels: null, release() {} };
  }
  return { views: near, base: page.base, bytes, kernels, release: releaseOnce(beside!, page) };
}

/** The arena itself: the set's limit is for pages that an account has granted. */
function arenaOf(allocator: PageAllocator, near: Views): PageAllocator {
  return (allocator instanceof ArenaSet && allocator.arenas.find((arena) => arena.views === near)) || allocator;
}

function releaseOnce(allocator: PageAllocator, page: Page): () => void {
  let held = true;
  return () => {
    if (held) allocator.free(page);
    held = false;
  };
}
