// The auditor: derives every law again from the state, and where a law speaks of decisions from what a decision was made
// on, and says which is broken. It shares no arithmetic with the code it checks.

import type { TaskMemoryManager } from "../execution/task.js";
import { BrokenLaw, MUST_WAIT } from "../policy/policy.js";
import type { BlockStore } from "../storage/store.js";
import { LEAVING } from "../storage/table.js";
import type { MemoryManager } from "./manager.js";
import { modeName, OFF_HEAP, ON_HEAP } from "./mode.js";

/** Everything that an executor owns, as the auditor needs it. */
export interface Auditable {
  /** Whose accounts are looked at. */
  readonly manager: MemoryManager;
  /** The tasks that have not ended. */
  readonly tasks: Iterable<TaskMemoryManager>;
  /** The blocks in memory; null where there is no store. */
  readonly store: BlockStore | null;
  /** Storage bytes acquired without a block (raw accounting requests), by mode. */
  readonly rawStorage: readonly [number, number];
  /** Whether tasks acquire through their task memory managers alone, so that balances can be traced to consumers. */
  readonly consumersOnly: boolean;
}

/**
 * The laws that do not hold, in words; empty when all do.
 *
 * @example
 * ```ts
 * import { audit, openExecutor } from "tungsten-memory";
 *
 * const { manager, store, tasks } = openExecutor({ pages: "accounts" });
 * console.log(audit({ manager, store, tasks, rawStorage: [0, 0], consumersOnly: false })); // []
 * ```
 */
export function audit(executor: Auditable): string[] {
  const broken: string[] = [];
  const law = (holds: boolean, what: () => string): void => {
    if (!holds) broken.push(what());
  };
  const { manager, store } = executor;
  let blocks = 0;
  const living = new Set<number>();
  for (const task of executor.tasks) living.add(task.id);
  for (const mode of [ON_HEAP, OFF_HEAP] as const) {
    const name = modeName(mode);
    const region = manager.regions[mode];
    const { total, executionSize, executionUsed, storageSize, storageUsed } = region;
    law(
      executionSize + storageSize === total,
      () => `law 1: ${name} pools of ${executionSize} + ${storageSize} do not make ${total}`,
    );
    law(executionUsed <= executionSize, () => `law 1: ${name} execution uses ${executionUsed} of ${executionSize}`);
    law(storageUsed <= storageSize, () => `law 1: ${name} storage uses ${storageUsed} of ${storageSize}`);
    let balances = 0;
    let entries = 0;
    manager.forEachEntry(mode, (task, bytes) => {
      law(Number.isSafeInteger(bytes) && bytes >= 0, () => `law 2: task ${task} has a ${name} balance of ${bytes}`);
      law(
        !executor.consumersOnly || living.has(task),
        () => `law 9: task ${task} has ended and is charged ${bytes} ${name} bytes`,
      );
      balances += bytes;
      entries += 1;
    });
    law(
      balances === executionUsed,
      () => `law 2: ${name} balances make ${balances}, execution used says ${executionUsed}`,
    );
    law(entries === region.entries, () => `law 2: ${name} has ${entries} entries, N says ${region.entries}`);
    try {
      const ceiling = manager.policy.ceiling(region);
      law(
        region.ceiling === ceiling,
        () => `law 5: the common path goes by a ${name} ceiling of ${region.ceiling}, the policy says ${ceiling}`,
      );
    } catch (error) {
      if (!(error instanceof BrokenLaw)) throw error;
      broken.push(error.message);
    }
    if (store !== null) {
      let blockBytes = 0;
      store.forEachBlock(mode, (block, bytes, pins) => {
        blockBytes += bytes;
        blocks += 1;
        law(store.has(block), () => `law 2: ${name} block ${block} is in the order of use and cannot be found`);
        // Another worker may be copying its bytes; nobody evicts while this looks.
        law(pins !== LEAVING, () => `law 2: ${name} block ${block} is left locked by an eviction`);
      });
      law(
        blockBytes === store.used(mode),
        () => `law 2: ${name} blocks make ${blockBytes} bytes, the store says ${store.used(mode)}`,
      );
      law(store.policyAgrees(mode), () => `law 2: the eviction policy does not know just the ${name} blocks`);
      const kept = blockBytes + store.unrolled(mode) + executor.rawStorage[mode];
      law(
        kept === storageUsed,
        () => `law 2: ${name} blocks, unroll and raw bytes make ${kept}, storage used says ${storageUsed}`,
      );
    }
  }
  if (store !== null) law(blocks === store.size, () => `law 2: ${blocks} blocks in order of use, of ${store.size}`);
  const places = new Set<object>();
  for (const task of executor.tasks) auditTask(task, executor.consumersOnly, places, law);
  return broken;
}

function auditTask(
  task: TaskMemoryManager,
  consumersOnly: boolean,
  places: Set<object>,
  law: (holds: boolean, what: () => string) => void,
): void {
  let pageBytes = 0;
  for (const page of task.pages()) {
    law(!places.has(page), () => `law 3: page ${page.number} of task ${task.id} is in two places`);
    const found = task.page(page.number) === page;
    law(found, () => `law 3: a page of task ${task.id} says number ${page.number}, its table does not`);
    law(
      !found || task.pageAt(task.encode(page, page.bytes - 1)) === page,
      () => `law 7: an address of page ${page.number} decodes elsewhere`,
    );
    places.add(page);
    pageBytes += page.bytes;
  }
  for (const mode of [ON_HEAP, OFF_HEAP] as const) {
    let held = mode === task.mode ? task.acquiredButUnused : 0;
    for (const consumer of task.consumers) if (consumer.mode === mode) held += consumer.used;
    const balance = task.manager.executionHeld(task.id, mode);
    law(
      !consumersOnly || balance >= held,
      () => `law 4: task ${task.id} is charged ${balance} ${modeName(mode)} bytes, its consumers hold ${held}`,
    );
    if (mode === task.mode) {
      law(
        !consumersOnly || balance >= pageBytes,
        () => `law 4: task ${task.id} is charged ${balance} bytes and has pages of ${pageBytes}`,
      );
    }
  }
}

/** A decision about an execution request and what it was made on: the pools after execution has reclaimed, before the grant. */
export interface Decision {
  /** What the tasks share: what execution could have at that moment. Bytes. */
  readonly ceiling: number;
  readonly executionSize: number;
  readonly executionUsed: number;
  readonly entries: number;
  /** The task's balance. */
  readonly held: number;
  readonly asked: number;
  /** Bytes granted, or MUST_WAIT. */
  readonly answer: number;
}

/** Law 5 for one decision under Spark's sharing (section 3.2); empty when it holds. */
export function auditDecision(decision: Decision): string[] {
  const { ceiling, executionSize, executionUsed, entries, held, asked, answer } = decision;
  const broken: string[] = [];
  const mostEach = Math.floor(ceiling / entries);
  const leastEach = Math.floor(executionSize / (2 * entries));
  const free = executionSize - executionUsed;
  if (answer === MUST_WAIT) {
    const offer = Math.max(0, Math.min(asked, mostEach - held, free));
    if (offer === asked) broken.push(`law 5: waits for ${asked} bytes that it could have`);
    if (held + offer >= leastEach)
      broken.push(`law 5: waits though ${held} + ${offer} reach the floor of ${leastEach}`);
    return broken;
  }
  if (answer > 0 && held + answer > mostEach) broken.push(`law 5: ${held} + ${answer} pass the cap of ${mostEach}`);
  if (answer > free) broken.push(`law 5: grants ${answer} of ${free} free bytes`);
  if (answer < asked && held + answer < leastEach)
    broken.push(`law 5: ${held} + ${answer} fall short of the floor of ${leastEach} and it did not wait`);
  return broken;
}
