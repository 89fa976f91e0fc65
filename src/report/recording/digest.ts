// A recording while it is read, row by row, until all is known that its page shows. What is remembered is bounded by the tasks,
// not by the rows.

import { type ModeName } from "../../memory/mode.js";
import type { ModeState, TraceHeader } from "../../trace/format.js";
import type { ToldLine } from "../../why/exported.js";
import type { Fact, FactOf } from "../../why/facts.js";
import { type Party, Story } from "../../why/story.js";
import { Envelope } from "../envelope.js";
import { type Mark, Marks } from "./marks.js";

/** Stretches of rows of which the extremes of the pools are kept, a mode. */
const STRETCHES = 2048;
/** Marks of spills, evictions and waits that are kept while reading. */
const MOST_MARKS = 20_000;

/** What a party did and suffered, counted over the whole recording. Sizes are bytes. */
export interface Tally {
  readonly party: Party;
  spills: number;
  spilledBytes: number;
  evictions: number;
  evictedBytes: number;
  waits: number;
  waitedRows: number;
  shortGrants: number;
}

/** What one mode's pools reached, and when. Bytes. */
export interface Peaks {
  executionUsed: number;
  executionRow: number;
  storageUsed: number;
  storageRow: number;
}

/** A wait that is not over: what it waits for, and since when. */
interface Open {
  readonly row: number;
  readonly mode: ModeName;
  readonly fact: FactOf<"waits">;
  readonly asked: FactOf<"asked">;
}

export class Digest {
  readonly story = new Story();
  readonly marks = new Marks(MOST_MARKS);
  readonly pools: Readonly<Record<ModeName, Envelope>> = {
    onHeap: new Envelope(STRETCHES),
    offHeap: new Envelope(STRETCHES),
  };
  readonly peaks: Readonly<Record<ModeName, Peaks>> = { onHeap: noPeaks(), offHeap: noPeaks() };
  /** Waits that nothing had ended when the recording did. */
  stillWaiting = 0;
  readonly #tallies = new Map<Party, Tally>();
  readonly #open = new Map<number, Open>();
  #woken: number[] = [];
  #rows = 0;
  #mode: ModeName = "onHeap";

  /** Requests that were asked; what came about after the last one belongs to none. */
  get rows(): number {
    return this.#rows;
  }

  get tallies(): Tally[] {
    return [...this.#tallies.values()];
  }

  /** The state before the first row. */
  begin({ state, tungstenMode }: TraceHeader): void {
    this.#mode = tungstenMode;
    this.#state(0, state.onHeap, state.offHeap);
  }

  add({ i, ask, state, facts }: ToldLine): void {
    this.story.add(facts);
    for (const fact of facts) this.#fact(fact);
    if (ask.op === "interrupt") this.#woken.push(ask["task"] as number);
    for (const task of this.#woken) this.#close(task, i);
    if (this.#woken.length > 0) this.#woken = [];
    if (state === null) return;
    this.#rows = this.story.rows = i;
    this.#state(i, state.onHeap, state.offHeap);
  }

  /** To be called once, after the last row. */
  end(): void {
    this.stillWaiting = this.#open.size;
    for (const task of this.#open.keys()) this.#close(task, this.#rows);
  }

  #state(row: number, onHeap: ModeState, offHeap: ModeState): void {
    this.pools.onHeap.add(row, onHeap as [number, number, number, number]);
    this.pools.offHeap.add(row, offHeap as [number, number, number, number]);
    raise(this.peaks.onHeap, row, onHeap);
    raise(this.peaks.offHeap, row, offHeap);
  }

  #fact(fact: Fact): void {
    switch (fact.kind) {
      case "spilled":
        return this.#spilled(fact);
      case "evicted": {
        const { owner, bytes, mode, row } = fact;
        const party = owner ?? "storage";
        const tally = this.#tally(party);
        tally.evictions += 1;
        tally.evictedBytes += bytes;
        this.marks.add(party, "eviction", mode, markOf(row, bytes, [fact, this.story.known(fact.cause)]));
        return;
      }
      case "short": {
        const asked = this.story.known(fact.cause);
        if (asked?.kind === "asked") this.#tally(asked.task).shortGrants += 1;
        return;
      }
      case "waits": {
        const asked = this.story.known(fact.cause);
        if (asked?.kind !== "asked") return;
        const { task, mode } = asked;
        // A waiter that looked again and has to wait on has not been served.
        if (this.#open.has(task)) this.#woken = this.#woken.filter((each) => each !== task);
        else this.#open.set(task, { row: fact.row, mode, fact, asked });
        return;
      }
      case "woken":
        this.#woken.push(fact.task);
        return;
      default:
    }
  }

  #spilled(fact: FactOf<"spilled">): void {
    const short = this.story.known(fact.cause);
    const asked = short === undefined ? undefined : this.story.known(short.cause);
    const bytes = Math.max(0, fact.freedBytes);
    const tally = this.#tally(fact.task);
    tally.spills += 1;
    tally.spilledBytes += bytes;
    // Nobody asked for what is spilled of its own accord: it lies where the executor's pages lie.
    const mode = asked?.kind === "asked" ? asked.mode : this.#mode;
    this.marks.add(fact.task, "spill", mode, markOf(fact.row, bytes, [fact, short, asked]));
  }

  #close(task: number, row: number): void {
    const open = this.#open.get(task);
    if (open === undefined) return;
    this.#open.delete(task);
    const tally = this.#tally(task);
    tally.waits += 1;
    tally.waitedRows += row - open.row;
    const mark = markOf(open.row, open.fact.needBytes, [open.fact, open.asked]);
    this.marks.add(task, "wait", open.mode, { ...mark, until: row });
  }

  #tally(party: Party): Tally {
    let tally = this.#tallies.get(party);
    if (tally === undefined) {
      tally = {
        party,
        spills: 0,
        spilledBytes: 0,
        evictions: 0,
        evictedBytes: 0,
        waits: 0,
        waitedRows: 0,
        shortGrants: 0,
      };
      this.#tallies.set(party, tally);
    }
    return tally;
  }
}

function markOf(row: number, bytes: number, because: Mark["because"]): Mark {
  return { row, until: row, count: 1, bytes, mostBytes: bytes, mostRow: row, because };
}

function noPeaks(): Peaks {
  return { executionUsed: 0, executionRow: 0, storageUsed: 0, storageRow: 0 };
}

function raise(peaks: Peaks, row: number, [, executionUsed, , storageUsed]: ModeState): void {
  if (executionUsed > peaks.executionUsed) {
    peaks.executionUsed = executionUsed;
    peaks.executionRow = row;
  }
  if (storageUsed > peaks.storageUsed) {
    peaks.storageUsed = storageUsed;
    peaks.storageRow = row;
  }
}
