// A thread of the bench of shared arenas: does a job as often as it is told, at the same time as the other threads.

import { parentPort, workerData } from "node:worker_threads";
import { fold } from "./hash.js";
import { type CrewOrder, MIB } from "./shared-arena.bench.js";
import { readTraceFile } from "./alloc-replays.js";
import { targetOver } from "../src/alloc-trace/arena-target.js";
import { meet } from "../src/alloc-trace/part-replay.js";
import { replay } from "../src/alloc-trace/replay.js";
import { ALLOCATE_ZEROED, type AllocTrace, FREE } from "../src/alloc-trace/trace.js";
import { Arena } from "../src/memory/arena.js";
import type { Page } from "../src/memory/page.js";

const { memories, worker, workers, gate, job, ops } = workerData as CrewOrder;
const run = jobOf(job, Arena.attach(memories, worker));

parentPort!.on("message", (round: number) => {
  meet(gate, workers * round);
  const started = performance.now();
  const hash = run();
  parentPort!.postMessage({ seconds: (performance.now() - started) / 1000, hash });
});
parentPort!.postMessage("ready");

function jobOf({ kind, file, format }: CrewOrder["job"], arena: Arena): () => number {
  switch (kind) {
    case "page":
      return () => pages(arena, 1);
    case "pages":
      return () => pages(arena, 8);
    case "compute":
      return compute;
    case "trace": {
      const trace = closed(readTraceFile(file!, format!));
      const target = targetOver(arena);
      return () => {
        let hash = 0;
        for (let done = 0; done < ops; done += trace.operations) {
          const { peakLiveBytes, refused } = replay(trace, target);
          hash = fold(fold(0, peakLiveBytes), refused);
        }
        return hash;
      };
    }
  }
}

/** Pages of 64 KiB to 1 MiB, `held` of them at a time; the oldest goes when a new one comes. */
function pages(arena: Arena, held: number): number {
  const ring: (Page | null)[] = Array.from({ length: held }, () => null);
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    const slot = i % held;
    const old = ring[slot]!;
    if (old !== null) arena.free(old);
    const page = arena.allocate(MIB >> (slot & 3))!;
    ring[slot] = page;
    hash = fold(hash, page.bytes);
  }
  for (const page of ring) if (page !== null) arena.free(page);
  return hash;
}

/** The trace with what it leaves live freed at its end, so that it can be replayed again in the same arena. */
function closed(trace: AllocTrace): AllocTrace {
  const live = new Set<number>();
  for (let i = 0; i < trace.operations; i += 1) {
    if (trace.kinds[i]! <= ALLOCATE_ZEROED) live.add(trace.blocks[i]!);
    else if (trace.kinds[i] === FREE) live.delete(trace.blocks[i]!);
  }
  const zeros = Array.from(live, () => 0);
  return {
    ...trace,
    operations: trace.operations + live.size,
    kinds: Uint8Array.from([...trace.kinds, ...Array.from(live, () => FREE)]),
    blocks: Uint32Array.from([...trace.blocks, ...live]),
    bytes: Float64Array.from([...trace.bytes, ...zeros]),
    aligns: Uint32Array.from([...trace.aligns, ...zeros]),
  };
}

/** As many rounds of arithmetic, which no memory and no other thread has a part in. */
function compute(): number {
  let state = 1;
  for (let i = 0; i < ops * 16; i += 1) state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
  return state;
}
