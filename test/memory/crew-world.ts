// A small arena for three workers over the allocator with steps: any of them can be stopped at any write, and another one can
// act there. What the workers were answered is held against what the tables say.

import { numbers } from "../help/seed.js";

export const LIMIT_BYTES = 192 * 1024;
const CACHE_BYTES = 40 * 1024;
const WORKERS = 3;
const MAP_UNITS = 2;

const TIMED_OUT = 2;
const CACHED = 0x8000_0000;
const BUSY = 0x4000_0000;

interface Wasm {
  arenaCreate(limitBytes: number, committedBytes: number, tablesCount: number): void;
  arenaCheck(): number;
  crewCreate(workers: number, cacheBytes: number): void;
  crewAttach(worker: number): number;
  crewAllocate(bytes: number, align: number): number;
  crewFree(handle: number): number;
  crewResize(handle: number, bytes: number): number;
  crewHandOver(handle: number, to: number): number;
  crewGiveBack(): void;
  crewLock(): number;
  crewPatience(nanoseconds: number): void;
  crewUnlock(): void;
  crewInherit(worker: number, nanoseconds: number): number;
  crewBury(torn: number): number;
}

export type Act =
  | { readonly kind: "allocate"; readonly bytes: number; readonly align: number }
  | { readonly kind: "free"; readonly handle: number }
  | { readonly kind: "resize"; readonly handle: number; readonly bytes: number }
  | { readonly kind: "hand over"; readonly handle: number; readonly to: number };

export interface Answered {
  readonly worker: number;
  readonly act: Act;
  readonly answer: number;
}

/** Thrown where a worker is stopped for good. */
export class Died extends Error {}

interface Block {
  holder: number;
  readonly address: number;
  bytes: number;
}

export class World {
  /** Called before every write; does nothing but when a test says so. */
  onStep: () => void = () => {};
  readonly #memory = new WebAssembly.Memory({ initial: MAP_UNITS, maximum: MAP_UNITS, shared: true });
  readonly #words = new Uint32Array(this.#memory.buffer);
  readonly #workers: Wasm[];
  /** What was answered and not taken back. */
  readonly live = new Map<number, Block>();
  #patient = true;

  constructor(module: WebAssembly.Module) {
    const steps = {
      step: () => this.onStep(),
      sleep: () => {
        if (this.#patient) throw new Died("asleep for a lock");
        return TIMED_OUT;
      },
    };
    const instance = (): Wasm =>
      new WebAssembly.Instance(module, { env: { memory: this.#memory }, steps }).exports as unknown as Wasm;
    const creator = instance();
    creator.arenaCreate(LIMIT_BYTES, LIMIT_BYTES, 0);
    creator.crewCreate(WORKERS, CACHE_BYTES);
    this.#workers = [creator];
    for (let worker = 1; worker <= WORKERS; worker += 1) {
      const wasm = instance();
      demand(wasm.crewAttach(worker) === 1, `worker ${worker} has no place`);
      this.#workers.push(wasm);
    }
  }

  /** Some acts of all workers, drawn from `seed`. */
  wander(seed: number, acts: number): void {
    const random = numbers(seed);
    for (let i = 0; i < acts; i += 1) {
      const worker = 1 + Math.floor(random() * WORKERS);
      this.enter([this.act(worker, this.draw(random, worker))]);
    }
  }

  /** An act that `worker` may do now. */
  draw(random: () => number, worker: number): Act {
    const choice = random();
    const handles = [...this.live.keys()];
    const handle = handles[Math.floor(random() * handles.length)];
    const own = handles.filter((each) => this.live.get(each)!.holder === worker);
    // Some so long that they are not rounded, and short enough for a cache.
    const bytes = random() < 0.1 ? 33_000 + Math.floor(random() * 7000) : Math.ceil(2 ** (random() * 12.5));
    if (handle === undefined || choice < 0.45) return { kind: "allocate", bytes, align: random() < 0.1 ? 512 : 8 };
    if (choice < 0.85) return { kind: "free", handle };
    if (choice < 0.95 || own.length === 0) return { kind: "resize", handle, bytes };
    return { kind: "hand over", handle: own[0]!, to: 1 + (worker % WORKERS) };
  }

  /** What `worker` is answered. */
  act(worker: number, act: Act): Answered {
    return { worker, act, answer: this.#call(worker, act) };
  }

  #call(worker: number, act: Act): number {
    const wasm = this.#workers[worker]!;
    switch (act.kind) {
      case "allocate":
        return wasm.crewAllocate(act.bytes, act.align);
      case "free":
        return wasm.crewFree(act.handle);
      case "resize":
        return wasm.crewResize(act.handle, act.bytes);
      case "hand over":
        return wasm.crewHandOver(act.handle, act.to);
    }
  }

  /** From now on this worker does not sleep for the lock. */
  hurry(worker: number): void {
    this.#workers[worker]!.crewPatience(0);
  }

  /** Whether the answer is that the lock was not to be had. */
  isLate({ worker, act, answer }: Answered): boolean {
    if (act.kind === "free" || act.kind === "hand over") return answer === 3;
    return answer === 0 && this.#words[(1664 + (worker - 1) * 1024) / 4 + 5] === 0xffff_ffff;
  }

  /** Enters what was answered, in an order that explains it; what happened at the same time may have happened in any. */
  enter(answered: readonly Answered[]): void {
    const orders = answered.length < 2 ? [answered] : [answered, answered.toReversed()];
    const order = orders.find((each) => this.#explains(each));
    demand(order !== undefined, `no order explains ${JSON.stringify(answered)}`);
    for (const one of order!) this.#enter(one);
  }

  #explains(order: readonly Answered[]): boolean {
    const holders = new Map([...this.live].map(([handle, { holder }]) => [handle, holder]));
    return order.every(({ worker, act, answer }) => {
      if (act.kind === "allocate") return true;
      const holder = holders.get(act.handle);
      if (act.kind === "free") return (holders.delete(act.handle) ? 1 : 0) === answer;
      if (act.kind === "resize") return (holder === undefined) === (answer === 2);
      if (holder === worker) holders.set(act.handle, act.to);
      return answer === (holder === worker ? 0 : 1);
    });
  }

  #enter({ worker, act, answer }: Answered): void {
    if (act.kind === "allocate") {
      if (answer === 0) return;
      demand(!this.live.has(answer), `block ${answer} is given out twice`);
      const block = this.#block(answer, worker);
      demand(block.bytes >= act.bytes, `${block.bytes} bytes for ${act.bytes}`);
      this.live.set(answer, block);
    } else if (act.kind === "free") this.live.delete(act.handle);
    else if (act.kind === "resize") {
      const block = this.live.get(act.handle);
      if (block !== undefined) block.bytes = this.#block(act.handle, worker).bytes;
    } else if (answer === 0) this.live.get(act.handle)!.holder = act.to;
  }

  /** Worker `by` takes back what the dead hold. Who died with the lock may have to be called dead first. */
  recover(by: number, ...dead: number[]): void {
    this.#patient = false;
    for (const worker of dead) this.#tryRecover(by, worker);
    for (const worker of dead) demand(this.#tryRecover(by, worker), "the lock is not to be had");
    this.#patient = true;
    for (const [handle, block] of this.live) if (dead.includes(block.holder)) this.live.delete(handle);
  }

  #tryRecover(by: number, worker: number): boolean {
    const torn = this.#workers[by]!.crewInherit(worker, 0);
    if (torn >= 0) this.#workers[by]!.crewBury(torn);
    return torn >= 0;
  }

  /** What the tables are, to be put back. */
  save(): () => void {
    const bytes = new Uint8Array(this.#memory.buffer);
    const copy = bytes.slice();
    const live = [...this.live].map(([handle, block]): [number, Block] => [handle, { ...block }]);
    return () => {
      bytes.set(copy);
      this.live.clear();
      for (const [handle, block] of live) this.live.set(handle, { ...block });
    };
  }

  /** Holds the tables against what was answered; about `uncertain` either is right. */
  verify(uncertain = 0): void {
    const found = this.#workers[1]!.arenaCheck();
    demand(found === 0, `law ${Math.floor(found / 2 ** 32)} at record ${found % 2 ** 32}`);
    const cached = new Map<number, number>();
    let live = 0;
    for (let index = this.#firstRecord(); index < this.#words[9]!; index += 2) {
      const holder = this.#record(index, 6);
      if (holder === 0) continue;
      if (holder >= BUSY) {
        demand(holder >= CACHED, `record ${index} is busy`);
        cached.set(index, holder - CACHED);
        continue;
      }
      const { address, bytes } = this.#block(index, holder);
      if (index === uncertain && !this.live.has(index)) this.live.set(index, { holder, address, bytes });
      const known = this.live.get(index);
      live += 1;
      demand(known !== undefined, `block ${index} of worker ${holder} is nobody's`);
      demand(known!.address === address && known!.holder === holder, `block ${index} is not where or whose it was`);
      demand(known!.bytes === bytes || index === uncertain, `block ${index} has ${bytes} bytes, not ${known!.bytes}`);
    }
    if (uncertain !== 0 && this.#record(uncertain, 6) === 0) this.live.delete(uncertain);
    demand(live === this.live.size, `${live} blocks are live, not ${this.live.size}`);
    for (let worker = 1; worker <= WORKERS; worker += 1) this.#verifyCache(worker, cached);
    demand(cached.size === 0, `blocks ${[...cached.keys()].join()} are in no cache`);
  }

  /** Frees all and takes it again in one piece. */
  finish(): void {
    const wasm = this.#workers[1]!;
    for (const handle of this.live.keys()) demand(wasm.crewFree(handle) === 1, `block ${handle} is not to be freed`);
    demand(wasm.crewAllocate(LIMIT_BYTES, 8) !== 0, "the whole is not to be had again");
  }

  #verifyCache(worker: number, cached: Map<number, number>): void {
    const place = (1664 + (worker - 1) * 1024) / 4;
    let bytes = 0;
    let blocks = 0;
    for (let list = 0; list < 208; list += 1) {
      for (let index = this.#words[place + 16 + list]!; index !== 0; index = this.#record(index, 7)) {
        demand(cached.get(index) === worker, `block ${index} should not be in the cache of worker ${worker}`);
        cached.delete(index);
        bytes += this.#record(index, 1);
        blocks += 1;
      }
    }
    const counted = (this.#words[place + 1]! - this.#words[place + 3]!) >>> 0;
    demand(counted === bytes, `worker ${worker} counts ${counted} bytes in its cache, not ${bytes}`);
    demand((this.#words[place + 2]! - this.#words[place + 4]!) >>> 0 === blocks, `worker ${worker} counts wrong`);
    demand(bytes <= CACHE_BYTES, `worker ${worker} keeps ${bytes} bytes`);
  }

  #firstRecord(): number {
    return (Math.ceil((1664 + WORKERS * 1024 - 1432) / 32) + 1) & ~1;
  }

  #record(index: number, word: number): number {
    return this.#words[1432 / 4 + index * 8 + word]!;
  }

  #block(index: number, holder: number): Block {
    return { holder, address: this.#record(index, 0) & ~15, bytes: this.#record(index, 1) };
  }
}

/** The runner's own assertions are too slow for as many as there are here. */
function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
