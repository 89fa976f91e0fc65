// Virtual time: what happens next, and when. Of things that happen at the same time the one planned first comes first.

/** Something that happens at a moment. */
export interface Happening {
  happen(): void;
}

const FIRST_ROOM = 64;

/** A clock and the things to come, in a binary heap of columns. Times are whole microseconds. */
export class Clock {
  nowUs = 0;
  #size = 0;
  #planned = 0;
  #times = new Float64Array(FIRST_ROOM);
  #orders = new Float64Array(FIRST_ROOM);
  readonly #things: (Happening | undefined)[] = [];

  /** How many things are to come. */
  get size(): number {
    return this.#size;
  }

  /** Plans `thing` for a time from now on; an earlier one is now, a fraction is rounded up. */
  at(timeUs: number, thing: Happening): void {
    if (this.#size === this.#times.length) this.#grow();
    const time = Math.max(this.nowUs, Math.ceil(timeUs));
    const order = this.#planned;
    this.#planned += 1;
    let hole = this.#size;
    this.#size += 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#put(hole, time, order, thing);
  }

  /** Moves on to the next thing and lets it happen; false when nothing is to come. */
  step(): boolean {
    if (this.#size === 0) return false;
    const thing = this.#things[0]!;
    this.nowUs = this.#times[0]!;
    this.#size -= 1;
    this.#refill(this.#size);
    this.#things[this.#size] = undefined;
    thing.happen();
    return true;
  }

  // Lets the last entry sink from the top.
  #refill(last: number): void {
    const time = this.#times[last]!;
    const order = this.#orders[last]!;
    const thing = this.#things[last]!;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, child)) child += 1;
      const comes = this.#times[child]!;
      if (time < comes || (time === comes && order < this.#orders[child]!)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, time, order, thing);
  }

  #before(a: number, b: number): boolean {
    const [timeA, timeB] = [this.#times[a]!, this.#times[b]!];
    return timeA < timeB || (timeA === timeB && this.#orders[a]! < this.#orders[b]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#orders[from]!, this.#things[from]!);
  }

  #put(at: number, time: number, order: number, thing: Happening): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#things[at] = thing;
  }

  #grow(): void {
    const [times, orders] = [this.#times, this.#orders];
    this.#times = new Float64Array(2 * times.length);
    this.#orders = new Float64Array(2 * times.length);
    this.#times.set(times);
    this.#orders.set(orders);
  }
}
