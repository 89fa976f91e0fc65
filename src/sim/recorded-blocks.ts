// What a recorded trace asks of the block store, asked again in virtual time. A block that the recording found and that is not
// here is read from disk or, as whoever asked for it would, computed and put again.

import { canonical } from "../storage/block.js";
import { modeOf } from "../trace/format.js";
import type { Attempt, Work } from "./attempt.js";
import { readFromDisk } from "./cached.js";
import { computeUs } from "./costs.js";
import { clip, compareWithRecorded } from "./outcome.js";
import type { AskPlan, BlockAsk, PutAsk } from "./plan.js";

const ABOUT_BLOCKS: ReadonlySet<string> = new Set<BlockAsk["op"]>([
  "storageAcquire",
  "storageRelease",
  "unrollReserve",
  "unrollRelease",
  "put",
  "get",
  "has",
  "pin",
  "unpin",
  "remove",
  "clear",
  "unmanaged",
]);

/** Whether storage is asked, or told of memory that nobody manages: what names no task. */
export function isAboutBlocks(ask: { readonly op: string }): ask is BlockAsk {
  return ABOUT_BLOCKS.has(ask.op);
}

/** One such request. Throws a Refusal for what cannot be asked here. */
export function* askForBlock(attempt: Attempt, ask: BlockAsk, plan: AskPlan): Work {
  const { host, id, owner, pinned } = attempt;
  const { outcome } = owner;
  const { manager, store } = host.executor;
  switch (ask.op) {
    case "get":
      if (store.getSize(ask.block) !== null) outcome.cacheHits += 1;
      else if (plan.found !== null) yield* miss(attempt, plan.found);
      break;
    case "has":
      store.has(ask.block);
      break;
    case "put":
      compareWithRecorded(outcome, (yield* put(attempt, ask)) ? ask.bytes : 0, plan);
      break;
    case "pin":
      store.pin(ask.block);
      pinned.push(canonical(ask.block));
      break;
    case "unpin": {
      const at = pinned.indexOf(canonical(ask.block));
      if (clip(outcome, 1, at + 1) > 0) store.unpin(pinned.splice(at, 1)[0]!);
      break;
    }
    case "remove":
      store.remove(ask.block);
      host.onDisk.delete(canonical(ask.block));
      break;
    case "clear":
      store.clear();
      host.rawStorage.fill(0);
      host.onDisk.clear();
      pinned.length = 0;
      break;
    case "storageAcquire": {
      const granted = manager.acquireStorage(ask.block, ask.bytes, modeOf(ask.mode));
      if (granted) host.rawStorage[modeOf(ask.mode)] += ask.bytes;
      compareWithRecorded(outcome, granted ? ask.bytes : 0, plan);
      break;
    }
    case "storageRelease": {
      const mode = modeOf(ask.mode);
      const bytes = clip(outcome, ask.bytes, host.rawStorage[mode]);
      manager.releaseStorage(bytes, mode);
      host.rawStorage[mode] -= bytes;
      break;
    }
    case "unrollReserve": {
      const granted = store.reserveUnroll(ask.block, ask.bytes, modeOf(ask.mode), id);
      compareWithRecorded(outcome, granted ? ask.bytes : 0, plan);
      break;
    }
    case "unrollRelease": {
      const mode = modeOf(ask.mode);
      store.releaseUnroll(clip(outcome, ask.bytes, store.unrolledBy(id, mode)), mode, id);
      break;
    }
    case "unmanaged":
      manager.setUnmanaged(ask.bytes, modeOf(ask.mode));
      break;
  }
}

/** Reads or computes what was found then. */
function* miss(attempt: Attempt, found: PutAsk): Work {
  const { host, owner } = attempt;
  const { outcome } = owner;
  const { block, bytes } = found;
  outcome.cacheMisses += 1;
  if (host.onDisk.has(canonical(block))) return yield* readFromDisk(attempt, bytes);
  const us = attempt.busy(computeUs(bytes), bytes, false);
  outcome.recomputeUs += Math.ceil(us);
  outcome.recomputeBytes += bytes;
  yield us;
  yield* put(attempt, found);
}

/** Puts a block that is not there yet; whether it is there now. */
function* put(attempt: Attempt, { block, bytes, mode, onEvict }: PutAsk): Work<boolean> {
  const { host, owner } = attempt;
  const { store } = host.executor;
  owner.current = attempt;
  if (store.has(block)) return true;
  const kept = store.putAccount(block, bytes, modeOf(mode), onEvict);
  if (!kept && onEvict === "disk") yield host.writeBlock(canonical(block), bytes) - owner.clock.nowUs;
  return kept;
}
