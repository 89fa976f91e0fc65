// Workers for tests: real threads on the shipped code, each at a place of one shared executor.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
// The threads load what is shipped, and a class is itself only within one module: so does the test.
import { type Estate, type Place, SharedExecutor, type WorkerOptions } from "../../dist/index.js";

type Answer = { id?: number; value?: unknown; error?: { name: string; message: string; reason?: string } };

/** One thread. `ask` sends a command and awaits its answer; what the command threw is thrown here, by its name. */
export class Hand {
  readonly place: Place;
  readonly #worker: Worker;
  readonly #asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly estate: Promise<Estate>;
  #ids = 0;
  #staying: (() => void) | null = null;

  private constructor(executor: SharedExecutor, worker: Worker, place: Place) {
    this.#worker = worker;
    this.place = place;
    this.estate = new Promise((resolve) => executor.supervise(worker, place, resolve));
    worker.on("message", (answer: Answer & { staying?: boolean }) => {
      if (answer.staying === true) this.#staying?.();
      const asked = answer.id === undefined ? undefined : this.#asked.get(answer.id);
      if (asked === undefined) return;
      this.#asked.delete(answer.id!);
      if (answer.error === undefined) asked.resolve(answer.value);
      else asked.reject(Object.assign(new Error(answer.error.message), answer.error));
    });
  }

  static async hire(executor: SharedExecutor, own: Omit<WorkerOptions, "disk" | "onSpill"> = {}): Promise<Hand> {
    const place = executor.place();
    const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: { place, own } });
    const hand = new Hand(executor, worker, place);
    await once(worker, "message");
    return hand;
  }

  ask<T = number>(command: string, args: Record<string, unknown> = {}): Promise<T> {
    const id = (this.#ids += 1);
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, command, ...args });
    });
  }

  /** Sends a command that never ends, and awaits that the worker is in the middle of it. */
  stuck(command: string, args: Record<string, unknown> = {}): Promise<void> {
    return new Promise((resolve) => {
      this.#staying = resolve;
      this.#worker.postMessage({ command, ...args });
    });
  }

  /** Stops the thread wherever it is; resolves with what came back from it. */
  async kill(): Promise<Estate> {
    void this.#worker.terminate();
    return this.estate;
  }
}

/** Awaits that `count` requests wait, in whatever worker. */
export async function waiting(executor: SharedExecutor, count: number): Promise<void> {
  while (executor.ledger.waiting !== count) await new Promise((resolve) => setImmediate(resolve));
}
