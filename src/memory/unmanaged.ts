// Memory that somebody uses beside the manager, a state store's native caches say, and that the manager must reckon with
// (section 4.4 of the law, generation 4.1). A registry asks its consumers when it is polled and keeps one total a mode;
// managers are told the totals and never ask. Nothing here reads a clock: who owns one calls `poll`.

import { InvalidRequest, type MemoryManager } from "./manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "./mode.js";

/** What a consumer answers when it will use nothing any more: the next poll removes it. */
export const UNMANAGED_GONE = -1;

/** Somebody who uses memory that no manager hands out. */
export interface UnmanagedConsumer {
  /** What kind of thing it is, e.g. `RocksDB`; with `instance` it makes the key. */
  readonly component: string;
  /** Which one of its kind. */
  readonly instance: string;
  /** Where its memory lies. */
  readonly mode: Mode;
  /** Bytes in use now, or UNMANAGED_GONE. Called at polls and read-outs; other negatives and errors count as 0 in a total. */
  bytesUsed(): number;
}

/** The key of a consumer. */
export type UnmanagedKey = Pick<UnmanagedConsumer, "component" | "instance">;

/**
 * A registry of unmanaged consumers with the totals of its last poll. Bytes.
 *
 * @example
 * ```ts
 * import { openExecutor, UnmanagedMemory } from "tungsten-memory";
 *
 * const unmanaged = new UnmanagedMemory();
 * unmanaged.register({ component: "cache", instance: "1", mode: 0, bytesUsed: () => 2 ** 20 });
 * const executor = openExecutor({ unmanaged, pages: "accounts" });
 * unmanaged.poll();
 * console.log(unmanaged.used(0), executor.manager.regions[0].unmanaged); // 1048576 0
 * ```
 */
export class UnmanagedMemory {
  /** Told of an answer that counts as 0: an error that was thrown, or an InvalidRequest that names the number. */
  onTrouble: ((consumer: UnmanagedConsumer, trouble: unknown) => void) | null = null;
  readonly #consumers = new Map<string, UnmanagedConsumer>();
  readonly #totals: [number, number] = [0, 0];
  // Weak: a registry of the process must not keep every executor that ever was.
  readonly #managers = new Set<WeakRef<MemoryManager>>();

  /** Registers a consumer, in place of one with the same key. It counts from the next poll on. */
  register(consumer: UnmanagedConsumer): void {
    if (consumer.mode !== ON_HEAP && consumer.mode !== OFF_HEAP)
      throw new InvalidRequest(`unmanaged consumer ${keyOf(consumer)} has no mode`);
    this.#consumers.set(keyOf(consumer), consumer);
  }

  /** Removes the consumer of that key, if there is one. The totals stay until the next poll. */
  unregister(key: UnmanagedKey): void {
    this.#consumers.delete(keyOf(key));
  }

  /** Asks every consumer, drops those that are gone, and tells the totals to the managers that follow. */
  poll(): void {
    const totals: [number, number] = [0, 0];
    const gone: string[] = [];
    // Who answers may register or remove others: they count from the next poll on.
    for (const [key, consumer] of new Map(this.#consumers)) {
      const bytes = this.#ask(consumer);
      if (bytes >= 0) totals[consumer.mode] += bytes;
      else if (bytes === UNMANAGED_GONE) gone.push(key);
      else this.onTrouble?.(consumer, new InvalidRequest(`unmanaged memory of ${bytes} bytes`));
    }
    for (const key of gone) this.#consumers.delete(key);
    this.#tell(totals);
  }

  /** The total of a mode at the last poll. */
  used(mode: Mode): number {
    return this.#totals[mode];
  }

  /** What the consumers of a component answer now, errors counting as 0 and negatives as they are. */
  usedBy(component: string): number {
    let bytes = 0;
    for (const consumer of this.#consumers.values()) if (consumer.component === component) bytes += this.#ask(consumer);
    return bytes;
  }

  /** Forgets every consumer and zeroes the totals at once. */
  clear(): void {
    this.#consumers.clear();
    this.#tell([0, 0]);
  }

  /** Has a manager reckon with the totals, those at hand and those of every later poll, for as long as it lives. */
  attach(manager: MemoryManager): void {
    this.#managers.add(new WeakRef(manager));
    for (const mode of [ON_HEAP, OFF_HEAP] as const) manager.setUnmanaged(this.#totals[mode], mode);
  }

  #ask(consumer: UnmanagedConsumer): number {
    try {
      const bytes = consumer.bytesUsed();
      if (Number.isSafeInteger(bytes)) return bytes;
      throw new InvalidRequest(`unmanaged memory of ${bytes} bytes`);
    } catch (error) {
      this.onTrouble?.(consumer, error);
      return 0;
    }
  }

  #tell(totals: readonly [number, number]): void {
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      // No region is larger: what lies beyond leaves tasks just as little.
      this.#totals[mode] = Math.min(totals[mode], Number.MAX_SAFE_INTEGER);
      for (const reference of this.#managers) {
        const manager = reference.deref();
        if (manager === undefined) this.#managers.delete(reference);
        else manager.setUnmanaged(this.#totals[mode], mode);
      }
    }
  }
}

/** The registry of the process, which executors follow unless they are given another. */
export const unmanagedMemory: UnmanagedMemory = new UnmanagedMemory();

const MAX_TIMER_MS = 2 ** 31 - 1;
const polled = new WeakMap<UnmanagedMemory, () => void>();

/**
 * Polls a registry at once and then every `intervalMs` (above 0), and returns what stops it. One timer a registry: while it
 * runs, asking again changes nothing and returns what stops the one that runs. The timer keeps no process alive.
 *
 * @example
 * ```ts
 * import { pollUnmanaged, UnmanagedMemory } from "tungsten-memory";
 *
 * const registry = new UnmanagedMemory();
 * const stop = pollUnmanaged(1000, registry);
 * stop();
 * ```
 */
export function pollUnmanaged(intervalMs: number, registry: UnmanagedMemory = unmanagedMemory): () => void {
  if (!(intervalMs > 0)) throw new InvalidRequest(`unmanaged memory polled every ${intervalMs} ms`);
  const running = polled.get(registry);
  if (running !== undefined) return running;
  registry.poll();
  const timer: unknown = setInterval(() => registry.poll(), Math.min(intervalMs, MAX_TIMER_MS));
  // Node has objects for timers, browsers have numbers.
  (timer as { unref?: () => void }).unref?.();
  const stop = (): void => {
    clearInterval(timer as number);
    if (polled.get(registry) === stop) polled.delete(registry);
  };
  polled.set(registry, stop);
  return stop;
}

function keyOf({ component, instance }: UnmanagedKey): string {
  return JSON.stringify([component, instance]);
}
