// tinybench as the stopwatch for operations of a few nanoseconds. One call cannot be timed, so a sample is a batch of blocks
// and says how long one operation of it took on average; a round is samples back to back for a stated time.

import { Bench } from "tinybench";

/** Runs a fixed number of operations from a state that it restores, and returns the hash of their answers. */
export type Block = () => number;

export interface Timing {
  readonly nsPerOp: number;
  readonly hash: number;
}

/** Target length of one sample: far above what reading the clock costs, far below a round. */
const SAMPLE_MS = 2;

/** How many blocks make a sample. */
export function blocksPerSample(block: Block): number {
  for (let blocks = 1; ; blocks *= 2) {
    const start = performance.now();
    for (let i = 0; i < blocks; i += 1) block();
    if (performance.now() - start >= SAMPLE_MS) return blocks;
  }
}

/** One round of at least `ms`. Throws when two blocks differ in their answers. */
export function timeBlocks(block: Block, opsPerBlock: number, blocks: number, ms: number): Timing {
  const hash = block();
  const bench = new Bench({ time: ms, iterations: 1, warmup: false, throws: true, timestampProvider: "hrtimeNow" });
  const sample = (): { overriddenDuration: number; overriddenIterationCost: number } => {
    const start = bench.now();
    for (let i = 0; i < blocks; i += 1) {
      if (block() !== hash) throw new Error("two equal blocks of operations gave different answers");
    }
    const cost = bench.now() - start;
    return { overriddenDuration: cost / (blocks * opsPerBlock), overriddenIterationCost: cost };
  };
  bench.add("block", sample, { async: false });
  bench.addEventListener("warning", (event) => {
    process.stderr.write(`bench: the clock is too coarse for this block (${event.reason ?? "unknown"})\n`);
  });
  bench.runSync();
  const result = bench.tasks[0]!.result;
  if (result.state !== "completed") throw new Error(`the timer ended as ${result.state}`);
  // Samples are equally long in operations, so their mean is total time over total operations, collector pauses included.
  return { nsPerOp: result.latency.mean * 1e6, hash };
}
