// Requests about memory that others hold outside of Spark's pools (section 4.4 of the law): consumers come, answer, fall silent
// and go, polls tell the managers, and tasks and blocks ask beside them. One task asks at a time, and one that waits is served
// by a release or interrupted.

import type { Op } from "../src/trace/format.js";
import { Random } from "../src/trace/random.js";
import { Replay } from "../src/trace/replay.js";

type Request = Readonly<Record<string, unknown>> & { readonly op: string };
type ModeName = "onHeap" | "offHeap";

interface Registered {
  readonly mode: ModeName;
  answer: number | "fails";
}

const COMPONENTS = ["rocksdb", "python", "native"];

interface UnmanagedTrace {
  readonly header: object;
  readonly requests: readonly object[];
}

/** Header and requests of one trace, `rows` of them and those that bring it to rest. */
export function unmanagedTrace(engine: string, seed: number, rows: number): UnmanagedTrace {
  const random = new Random(seed);
  const polling = random.chance(0.85);
  const conf: Record<string, string> = {
    "spark.testing.memory": random.of(["1000", "10007", "1000000"]),
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.memory.storageFraction": random.of(["0.5", "0.2", "0"]),
    "spark.memory.offHeap.size": random.of(["0", "1000", "50021"]),
    ...(polling ? { "spark.memory.unmanagedMemoryPollingInterval": "1h" } : {}),
  };
  const asked = { manager: "unified", cores: 4, collector: "G1", conf } as const;
  const talk = new Talk(random, new Replay({ ...asked, generation: "4.1" }), polling);
  while (talk.requests.length < rows) talk.next();
  talk.rest();
  const header = { trace: "executor-memory", version: 1, engine, profile: "unmanaged", seed, ...asked };
  return { header, requests: talk.requests };
}

class Talk {
  readonly requests: Request[] = [];
  readonly #random: Random;
  // It answers as this library does and knows of U only; the registry is kept here.
  readonly #witness: Replay;
  readonly #polling: boolean;
  readonly #registry = new Map<string, Registered>();
  #rows = 0;
  #blocks = 0;

  constructor(random: Random, witness: Replay, polling: boolean) {
    this.#random = random;
    this.#witness = witness;
    this.#polling = polling;
  }

  next(): void {
    const random = this.#random;
    const mode: ModeName = random.chance(0.3) ? "offHeap" : "onHeap";
    const total = this.#total(mode);
    const bytes = 1 + random.below(Math.max(1, Math.floor(total / random.of([1, 2, 3, 8]))));
    const task = 1 + random.below(3);
    const choice = random.below(20);
    if (choice < 6) this.#unmanaged(mode, total);
    else if (choice < 11) {
      if (total > 0 && !this.#witness.waiting) this.#ask({ op: "execAcquire", task, bytes, mode });
    } else if (choice < 14) {
      if (!this.#waits(task)) this.#ask({ op: "execRelease", task, bytes, mode });
    } else if (choice < 15) {
      const waiting = [1, 2, 3].find((each) => this.#waits(each));
      if (waiting !== undefined) this.#ask({ op: "interrupt", task: waiting });
      else this.#ask({ op: "execReleaseAll", task });
    } else {
      const block = `test_${(this.#blocks += 1)}`;
      if (choice < 17) this.#ask({ op: "put", block, bytes, mode, onEvict: "gone" });
      else if (choice < 18) this.#ask({ op: "unrollReserve", block, bytes, mode });
      else this.#ask({ op: "unrollRelease", bytes, mode });
    }
  }

  /** Nobody waits, nobody holds. */
  rest(): void {
    for (const task of [1, 2, 3]) if (this.#waits(task)) this.#ask({ op: "interrupt", task });
    for (const task of [1, 2, 3]) this.#ask({ op: "execReleaseAll", task });
  }

  #unmanaged(mode: ModeName, total: number): void {
    const random = this.#random;
    const component = random.of(COMPONENTS);
    const instance = random.of(["a", "b"]);
    const key = JSON.stringify([component, instance]);
    const known = this.#registry.get(key);
    const large = random.chance(0.15);
    const answer =
      random.below(8) === 0
        ? random.of([-1, -7, "fails" as const])
        : random.below(Math.max(2, Math.floor(total / (large ? 1 : 8))));
    switch (random.below(7)) {
      case 0:
      case 1:
        this.#registry.set(key, { mode, answer });
        return this.#tell({ op: "unmanagedRegister", component, instance, mode, answer });
      case 2:
        if (known === undefined) return;
        known.answer = answer;
        return this.#tell({ op: "unmanagedAnswer", component, instance, answer });
      case 3:
        if (random.chance(0.5)) return this.#tell({ op: "unmanagedUsed", component });
        this.#registry.delete(key);
        return this.#tell({ op: "unmanagedUnregister", component, instance });
      case 4:
        if (random.chance(0.85)) return;
        this.#registry.clear();
        this.#tell({ op: "unmanagedClear" });
        return this.#used(0, 0);
      default:
        this.#tell({ op: "unmanagedPoll" });
        this.#poll();
    }
  }

  #poll(): void {
    const used = { onHeap: 0, offHeap: 0 };
    for (const [key, { mode, answer }] of this.#registry) {
      if (answer === -1) this.#registry.delete(key);
      else if (answer !== "fails") used[mode] += Math.max(0, answer);
    }
    this.#used(used.onHeap, used.offHeap);
  }

  #used(onHeap: number, offHeap: number): void {
    if (!this.#polling) return;
    this.#witness.apply({ i: this.#rows, op: "unmanaged", bytes: onHeap, mode: "onHeap" });
    this.#witness.apply({ i: this.#rows, op: "unmanaged", bytes: offHeap, mode: "offHeap" });
  }

  #ask(op: Op): void {
    this.#witness.apply({ i: this.requests.length + 1, ...op });
    this.#tell(op);
  }

  #tell(request: Request): void {
    this.#rows = this.requests.push({ i: this.requests.length + 1, ...request });
  }

  #waits(task: number): boolean {
    return this.#witness.waitingRow(task) !== null;
  }

  #total(mode: ModeName): number {
    return this.#witness.executor.manager.regions[mode === "onHeap" ? 0 : 1].total;
  }
}
