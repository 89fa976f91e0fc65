// Threads that share a block store, each a worker of its own on the shipped code.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { MemoryBusy } from "../../src/memory/wait.js";
import type { Tenant } from "../../src/memory/places.js";
import { bury } from "./mortal.js";
import { type SharedWorker, type SharedWorldOptions } from "./shared-world.js";

type Answer = { id?: number; value?: unknown; staying?: boolean; error?: { name: string; message: string } };

/** What a worker has seen in its rounds. */
export interface Churned {
  readonly puts: number;
  readonly reads: number;
  readonly fromOthers: number;
  readonly refused: number;
  readonly evictions: number;
  readonly torn: readonly string[];
}

export class Hand {
  readonly tenant: Tenant;
  readonly #thread: Worker;
  readonly #asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #ids = 0;
  #staying: (() => void) | null = null;

  private constructor(thread: Worker, tenant: Tenant) {
    this.tenant = tenant;
    this.#thread = thread;
    thread.on("message", ({ id, value, error, staying }: Answer) => {
      if (staying === true) this.#staying?.();
      const asked = id === undefined ? undefined : this.#asked.get(id);
      if (asked === undefined) return;
      this.#asked.delete(id!);
      if (error === undefined) asked.resolve(value);
      else asked.reject(Object.assign(new Error(error.message), { name: error.name }));
    });
  }

  static async hire(world: SharedWorker, options: SharedWorldOptions, directory: string | null = null): Promise<Hand> {
    const tenant = world.ledger.reserve();
    const thread = new Worker(new URL("worker.mjs", import.meta.url), {
      workerData: {
        memory: world.ledger.memory,
        tenant,
        cells: world.cells.buffer,
        cellBytes: world.cells.cellBytes,
        regions: { onHeap: options.onHeap, offHeap: options.offHeap },
        directory,
      },
      execArgv: [],
    });
    const hand = new Hand(thread, tenant);
    await once(thread, "message");
    return hand;
  }

  ask<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
    const id = (this.#ids += 1);
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#thread.postMessage({ id, command, ...args });
    });
  }

  /** Sends a command that never ends, and awaits that the worker is in the middle of it. */
  stuck(command: string, args: Record<string, unknown> = {}): Promise<void> {
    return new Promise((resolve) => {
      this.#staying = resolve;
      this.#thread.postMessage({ command, ...args });
    });
  }

  /** Sends a command and awaits nothing. */
  start(command: string, args: Record<string, unknown> = {}): void {
    this.#thread.postMessage({ command, ...args });
  }

  /** Stops the thread wherever it is. */
  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** Stops threads wherever they are, all at once, and gives back what they held. */
export async function kill(hands: readonly Hand[], undertaker: SharedWorker): Promise<void> {
  await Promise.all(hands.map((hand) => hand.stop()));
  // One may have died with the lock that is needed to bury another.
  for (let left = [...hands]; left.length > 0;) left = left.filter(({ tenant }) => !buried(undertaker, tenant));
}

function buried(undertaker: SharedWorker, dead: Tenant): boolean {
  try {
    bury(undertaker, dead);
    return true;
  } catch (error) {
    if (error instanceof MemoryBusy) return false;
    throw error;
  }
}
