// Spilling across tasks, for policies that ask for it (`Policy.arbitrate`): a consumer's request that comes up short, or would
// have to wait, first has consumers of the tasks that the policy names spill for it. An executor whose policy does not arbitrate
// has no arbiter, and every task spills for itself alone, as in Spark.

import type { MemoryManager } from "../memory/manager.js";
import type { Mode } from "../memory/mode.js";
import type { Request } from "../memory/wait.js";
import { BrokenLaw, MUST_WAIT, NOBODY, type TaskView } from "../policy/policy.js";
import type { Consumer } from "./consumer.js";
import type { TaskMemoryManager } from "./task.js";

export class Arbiter {
  readonly #manager: MemoryManager;
  readonly #tasks: () => Iterable<TaskMemoryManager>;

  /** `tasks`: those that live. The manager's policy must arbitrate. */
  constructor(manager: MemoryManager, tasks: () => Iterable<TaskMemoryManager>) {
    this.#manager = manager;
    this.#tasks = tasks;
  }

  /** `manager.executionRequest` for a consumer, with others spilling for it. */
  *request(bytes: number, requester: Consumer): Request<number> {
    return yield* this.settle(
      bytes,
      requester,
      this.#manager.acquireExecution(bytes, requester.task.id, requester.mode),
    );
  }

  /**
   * The rest of a request to which the manager's first answer was `first`: has others spill, asks again, waits where it must,
   * and has others spill at every look. Returns what was granted in all, perhaps less than `bytes`.
   */
  *settle(bytes: number, requester: Consumer, first: number): Request<number> {
    let granted = 0;
    // To what is still missing. While it is MUST_WAIT the accounts know of a waiter.
    let answer = first;
    const askAgain = (): number => {
      const waited = answer === MUST_WAIT;
      answer = 0;
      return this.#ask(bytes - granted, requester, waited);
    };
    try {
      for (;;) {
        const dry = new Set<TaskMemoryManager>();
        for (;;) {
          if (answer !== MUST_WAIT) granted += answer;
          if (granted === bytes || !this.#spill(bytes - granted, requester, answer === MUST_WAIT, dry)) break;
          answer = askAgain();
        }
        if (answer !== MUST_WAIT) return granted;
        yield;
        answer = askAgain();
      }
    } catch (error) {
      if (error instanceof BrokenLaw) this.#manager.releaseExecution(granted, requester.task.id, requester.mode);
      throw error;
    } finally {
      if (answer === MUST_WAIT) this.#manager.giveUpExecution();
    }
  }

  // A spill for somebody may have taken a waiting task's last byte and its entry with it: it comes in anew.
  #ask(bytes: number, { task, mode }: Consumer, waited: boolean): number {
    const manager = this.#manager;
    if (waited && manager.hasEntry(task.id, mode)) return manager.retryExecution(bytes, task.id, mode);
    if (waited) manager.giveUpExecution();
    return manager.acquireExecution(bytes, task.id, mode);
  }

  /** Has somebody free something; false when the policy names nobody or all who could are `dry`: they freed nothing. */
  #spill(missing: number, requester: Consumer, waits: boolean, dry: Set<TaskMemoryManager>): boolean {
    const manager = this.#manager;
    const { policy } = manager;
    const { mode } = requester;
    const { id } = requester.task;
    for (;;) {
      const able = [...this.#tasks()].filter((task) => !dry.has(task) && task.spillable(mode) > 0);
      if (able.length === 0) return false;
      const claim = { task: id, held: manager.executionHeld(id, mode), missing, waits };
      const at = policy.arbitrate!(
        manager.regions[mode],
        claim,
        able.map((task) => this.#viewOf(task, mode)),
      );
      if (at === NOBODY) return false;
      const named = able[at]!;
      if (named.spillFor(missing, requester) > 0) return true;
      dry.add(named);
    }
  }

  #viewOf(task: TaskMemoryManager, mode: Mode): TaskView {
    return { task: task.id, held: this.#manager.executionHeld(task.id, mode), spillable: task.spillable(mode) };
  }
}
