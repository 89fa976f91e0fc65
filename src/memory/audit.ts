// The auditor: derives every law again from the state and says which is broken. It shares no arithmetic with the code it
// checks.

import type { TaskMemoryManager } from "../execution/task.js";
import type { BlockStore } from "../storage/store.js";
import type { MemoryManager } from "./manager.js";
import { modeName, OFF_HEAP, ON_HEAP } from "./mode.js";

/** Everything that an executor owns, as the auditor needs it. */
export interface Auditable {
  readonly manager: MemoryManager;
  readonly tasks: Iterable<TaskMemoryManager>;
  readonly store: BlockStore | null;
  /** Storage bytes acquired without a block (raw accounting requests), by mode. */
  readonly rawStorage: readonly [number, number];
  /** Whether tasks acquire through their task memory managers alone, so that balances can be traced to consumers. */
  readonly consumersOnly: boolean;
}

/** The laws that do not hold, in words; empty when all do. */
export function audit(executor: Auditable): string[] {
  const broken: string[] = [];
  const law = (holds: boolean, what: () => string): void => {
    if (!holds) broken.push(what());
  };
  const { manager, store } = executor;
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
      balances += bytes;
      entries += 1;
    });
    law(
      balances === executionUsed,
      () => `law 2: ${name} balances make ${balances}, execution used says ${executionUsed}`,
    );
    law(entries === region.entries, () => `law 2: ${name} has ${entries} entries, N says ${region.entries}`);
    if (store !== null) {
      const kept = store.used(mode) + store.unrolled(mode) + executor.rawStorage[mode];
      law(
        kept === storageUsed,
        () => `law 2: ${name} blocks, unroll and raw bytes make ${kept}, storage used says ${storageUsed}`,
      );
    }
  }
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
    law(
      task.page(page.number) === page,
      () => `law 3: a page of task ${task.id} says number ${page.number}, its table does not`,
    );
    law(
      task.pageAt(task.encode(page, page.bytes - 1)) === page,
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
