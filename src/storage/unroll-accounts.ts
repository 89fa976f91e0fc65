// Who has reserved how much for blocks that are being unrolled, by mode and task (section 8.4 of the law).

import { OFF_HEAP, ON_HEAP, type Mode } from "../memory/mode.js";

export class UnrollAccounts {
  readonly #balances = [new Map<number, number>(), new Map<number, number>()] as const;
  readonly #totals: [number, number] = [0, 0];

  /** Bytes over all tasks. */
  total(mode: Mode): number {
    return this.#totals[mode];
  }

  balance(task: number, mode: Mode): number {
    return this.#balances[mode].get(task) ?? 0;
  }

  add(bytes: number, task: number, mode: Mode): void {
    if (bytes === 0) return;
    this.#balances[mode].set(task, this.balance(task, mode) + bytes);
    this.#totals[mode] += bytes;
  }

  /** Takes at most the balance of the task and returns what it was. */
  take(bytes: number, task: number, mode: Mode): number {
    const balance = this.balance(task, mode);
    const taken = Math.min(bytes, balance);
    if (taken === balance) this.#balances[mode].delete(task);
    else this.#balances[mode].set(task, balance - taken);
    this.#totals[mode] -= taken;
    return taken;
  }

  clear(): void {
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      this.#balances[mode].clear();
      this.#totals[mode] = 0;
    }
  }
}
