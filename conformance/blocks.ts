// Requests to a block manager (extension blocks-1 of the trace format): puts by iterator that fit, nearly fit and cannot fit,
// every storage level, reads that bring blocks back, read locks, tasks that end. Only what is sure to make sense whatever was
// answered is asked: locks are held on blocks that are on disk at the latest, and what is left of a put is used where the put
// was larger than all memory.

import { Random } from "../src/trace/random.js";
import type { SparkVersion } from "./versions.js";

type Request = Readonly<Record<string, unknown>>;
type Run = readonly [count: number, bytes: number];

const NO_TASK = -1;
/** It asks for execution memory only, and alone, so that it never waits. */
const SQUEEZER = 100;

const MOSTLY = [4, 5, 8, 12, 13, 14];
const NOT_ON_DISK = [4, 5, 4, 5, 6];

/** Header and requests of one trace. */
export function blocksTrace(
  { version, release }: SparkVersion,
  seed: number,
  rows: number,
): { header: object; requests: object[] } {
  const random = new Random(seed);
  const memory = random.of([4000, 12_000, 100_000, 1_000_000]);
  const conf: Record<string, string> = {
    "spark.testing.memory": String(memory),
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.memory.storageFraction": random.of(["0.5", "0.999", "0"]),
    "spark.memory.offHeap.size": random.of(["0", "12000", "300000"]),
    "spark.storage.unrollMemoryThreshold": random.of(["512", "64", "4096"]),
    ...(random.chance(0.4) ? { "spark.storage.unrollMemoryCheckPeriod": random.of(["1", "3", "40"]) } : {}),
    ...(random.chance(0.4) ? { "spark.storage.unrollMemoryGrowthFactor": random.of(["1.0", "1.2", "4.0"]) } : {}),
  };
  const made = { manager: "unified", cores: 1, collector: "G1", conf };
  const header = {
    trace: "executor-memory",
    version: 1,
    extension: "blocks-1",
    engine: `spark-${version}`,
    profile: "blocks",
    seed,
  };
  const talk = new Talk(random, memory, release);
  while (talk.requests.length < rows) talk.next();
  return { header: { ...header, ...made }, requests: talk.requests };
}

class Talk {
  readonly requests: Request[] = [];
  readonly #random: Random;
  readonly #memory: number;
  readonly #release: number;
  #names = 0;
  readonly #blocks: string[] = [];
  readonly #onDisk: string[] = [];
  readonly #locks: { readonly block: string; readonly task: number }[] = [];
  /** What is left of puts that cannot fit, until it is used up. */
  readonly #handles: { readonly block: string; readonly task: number; readonly form: string; started: boolean }[] = [];

  constructor(random: Random, memory: number, release: number) {
    this.#random = random;
    this.#memory = memory;
    this.#release = release;
  }

  next(): void {
    const random = this.#random;
    const choice = random.below(24);
    if (choice < 4) this.#unrollPut();
    else if (choice < 9) this.#putBlock();
    else if (choice < 11) this.#getOrPut();
    else if (choice < 14) this.#read();
    else if (choice < 16) this.#useHandle();
    else if (choice < 17) this.#unlock();
    else if (choice < 18) this.#remove();
    else if (choice < 19) this.#ask({ op: "blockStatus", block: this.#anyBlock() });
    else if (choice < 20) this.#end(1 + random.below(3));
    else this.#squeeze();
  }

  #unrollPut(): void {
    const random = this.#random;
    const huge = random.chance(0.35);
    const form = random.of(["values", "bytes"]);
    const offHeap = random.chance(0.25) && this.#offHeap;
    // What is left of a put outside of tasks would stay for ever unless it is used.
    const task = huge ? this.#task() : 1 + random.below(3);
    const block = this.#newBlock();
    this.#ask({
      op: "unrollPut",
      task,
      block,
      mode: offHeap ? "offHeap" : "onHeap",
      form,
      records: this.#records(huge),
    });
    if (huge) this.#handles.push({ block, task, form, started: false });
    else this.#blocks.push(block);
  }

  #putBlock(): void {
    const random = this.#random;
    const known = random.below(12) === 0 && this.#blocks.length > 0;
    const block = known ? random.of(this.#blocks) : this.#newBlock();
    const level = this.#level();
    const from = random.of(["iterator", "bytes"]);
    this.#ask({
      op: "putBlock",
      task: this.#task(),
      block,
      level,
      from,
      records: this.#records(random.below(8) === 0),
    });
    if (known) return;
    this.#blocks.push(block);
    if (level >= 8 && level < 15) this.#onDisk.push(block);
  }

  #getOrPut(): void {
    const random = this.#random;
    const huge = random.chance(0.4);
    const block = !huge && random.chance(0.3) ? this.#anyBlock() : this.#newBlock();
    const task = huge ? this.#task() : 1 + random.below(3);
    const level = huge ? this.#level(NOT_ON_DISK) : this.#level();
    this.#ask({ op: "getOrPut", task, block, level, records: this.#records(huge) });
    if (huge) this.#handles.push({ block, task, form: "values", started: false });
    else this.#blocks.push(block);
  }

  #read(): void {
    const random = this.#random;
    const hold = random.chance(0.25) && this.#onDisk.length > 0 && this.#locks.length < 4;
    const block = hold ? random.of(this.#onDisk) : this.#anyBlock();
    const task = this.#task();
    this.#ask({ op: "readBlock", task, block, as: random.of(["values", "bytes"]), hold });
    if (hold) this.#locks.push({ block, task });
  }

  #useHandle(): void {
    const random = this.#random;
    if (this.#handles.length === 0) return;
    const at = random.below(this.#handles.length);
    const { block, form, started } = this.#handles[at]!;
    const use = random.of(
      form === "bytes" && !started ? ["finish", "close", "take", "exhaust"] : ["close", "take", "exhaust"],
    );
    this.#ask({ op: "handle", block, use, count: use === "take" ? 1 + random.below(40) : 0 });
    if (use === "take") this.#handles[at]!.started = true;
    else this.#handles.splice(at, 1);
    // A handle is used up once; asking again is refused.
    if (form === "bytes" && !started && (use === "finish" || use === "close") && random.chance(0.3))
      this.#ask({ op: "handle", block, use: "take", count: 1 });
  }

  #unlock(): void {
    if (this.#locks.length === 0) return;
    const at = this.#random.below(this.#locks.length);
    const { block, task } = this.#locks[at]!;
    this.#locks.splice(at, 1);
    this.#ask({ op: "unlock", task, block });
  }

  #remove(): void {
    const block = this.#anyBlock();
    if (this.#locks.some((lock) => lock.block === block)) return;
    this.#ask({ op: "removeBlock", block });
    for (const list of [this.#blocks, this.#onDisk]) if (list.includes(block)) list.splice(list.indexOf(block), 1);
  }

  #end(task: number): void {
    this.#ask({ op: "endBlocks", task });
    for (const list of [this.#locks, this.#handles] as { task: number }[][])
      for (let at = list.length - 1; at >= 0; at -= 1) if (list[at]!.task === task) list.splice(at, 1);
  }

  #squeeze(): void {
    const random = this.#random;
    const mode = random.chance(0.8) ? "onHeap" : "offHeap";
    const bytes = 1 + random.below(random.of([this.#memory, Math.ceil(this.#memory / 10)]));
    if (random.below(3) === 0) this.#ask({ op: "execReleaseAll", task: SQUEEZER });
    else if (random.below(2) === 0) this.#ask({ op: "execRelease", task: SQUEEZER, bytes, mode });
    else this.#ask({ op: "execAcquire", task: SQUEEZER, bytes, mode });
  }

  #ask(request: Request): void {
    this.requests.push({ i: this.requests.length + 1, ...request });
  }

  #task(): number {
    return this.#random.chance(0.3) ? NO_TASK : 1 + this.#random.below(3);
  }

  // Before 3.0 values were on-heap only, and a JVM that runs the recorder has no direct buffers for bytes of that Spark.
  get #offHeap(): boolean {
    return this.#release >= 300;
  }

  #level(among: readonly number[] | null = null): number {
    const random = this.#random;
    const often = (among ?? MOSTLY).filter((level) => this.#offHeap || (level & 2) === 0);
    if (among !== null || random.below(12) > 0) return random.of(often);
    return random.below(2) === 0 ? random.of(this.#offHeap ? [6, 7, 15] : [7, 15]) : random.below(4);
  }

  #newBlock(): string {
    const number = (this.#names += 1);
    return this.#random.chance(0.6) ? `rdd_${1 + this.#random.below(3)}_${number}` : `test_${number}`;
  }

  #anyBlock(): string {
    return this.#blocks.length === 0 || this.#random.below(15) === 0
      ? `test_${900_000 + this.#random.below(9)}`
      : this.#random.of(this.#blocks);
  }

  /** `huge`: more than all of the memory of either mode. */
  #records(huge: boolean): Run[] {
    const random = this.#random;
    const total = huge
      ? 2 * Math.max(this.#memory, 300_000)
      : Math.max(8, random.below(Math.ceil(this.#memory / random.of([1, 2, 4, 10]))));
    const runs: Run[] = [];
    for (let left = total; left > 0;) {
      const bytes = Math.max(4, Math.min(left, random.below(Math.ceil(total / random.of([2, 10, 60])) + 5)));
      const count = Math.max(1, Math.min(60, random.below(Math.ceil(left / bytes) + 1)));
      runs.push([count, bytes]);
      left -= count * bytes;
    }
    return runs;
  }
}
