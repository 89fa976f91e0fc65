// Facts in words and numbers: one sentence each, which names its cause, and the chain of those before it.

import { type Mode, modeName, type ModeName } from "../memory/mode.js";
import type { Fact, FactOf } from "./facts.js";
import { awaited } from "./open-waits.js";

/** Facts by number, as far as they are at hand. */
export type Known = (n: number) => Fact | undefined;

/** Sentences of a chain. */
const MOST_LINKS = 12;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * `64 MiB`, `1.5 KiB`, `17 B`: whole where it is whole, else one decimal; powers of 1024.
 *
 * @example
 * ```ts
 * import { sizeText } from "tungsten-memory/why";
 *
 * console.log(sizeText(64 * 2 ** 20), sizeText(1536), sizeText(17)); // 64 MiB 1.5 KiB 17 B
 * ```
 */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]!}`;
}

/**
 * What a fact says.
 *
 * @example
 * ```ts
 * import { type Fact, sentence } from "tungsten-memory/why";
 *
 * // `facts`: those of a recording by their number n, from 1.
 * export function tell(facts: readonly Fact[]): string[] {
 *   return facts.map((fact) => sentence(fact, (n) => facts[n - 1]));
 * }
 * ```
 */
export function sentence(fact: Fact, known: Known): string {
  switch (fact.kind) {
    case "asked":
      return `${who(fact)} asked for ${sizeText(fact.bytes)} of ${modeText(fact.mode)} memory`;
    case "wanted":
      return wantedText(fact);
    case "moved":
      return `the boundary moved by ${sizeText(Math.abs(fact.bytes))} to ${fact.bytes > 0 ? "execution" : "storage"} because ${request(known(fact.cause))}`;
    case "evicted":
      return evictedText(fact, known);
    case "short": {
      const asked = known(fact.cause);
      if (asked?.kind !== "asked") return `a request was granted ${someText(fact.granted)}: ${GONE}`;
      return `${who(asked)} was granted ${someText(fact.granted)} of the ${sizeText(asked.bytes)} that it asked for: ${listed(reasons(asked, fact))}`;
    }
    case "waits":
      return waitsText(fact, known(fact.cause));
    case "woken":
      return `task ${fact.task} looked again ${wakingText(fact)}`;
    case "spilled":
      return spilledText(fact, known);
    case "refused":
      return refusedText(fact, known(fact.cause));
    case "deadlock":
      return deadlockText(fact);
    case "starved":
      return starvedText(fact);
    case "gaveUp":
      return `task ${fact.task} gave up waiting`;
  }
}

/**
 * The fact's sentence, and those of what led to it, latest first, as far back as anybody reads.
 *
 * @example
 * ```ts
 * import { chain, type Fact } from "tungsten-memory/why";
 *
 * // `facts`: those of a recording by their number n, from 1.
 * export function why(facts: readonly Fact[], n: number): string[] {
 *   return chain(facts[n - 1]!, (number) => facts[number - 1]);
 * }
 * ```
 */
export function chain(fact: Fact, known: Known): string[] {
  const told: string[] = [];
  for (let at: Fact | undefined = fact; at !== undefined && told.length < MOST_LINKS; at = before(at, known))
    told.push(sentence(at, known));
  return told;
}

/** The task for whose sake something happened, null where it was for no task's. */
export function beneficiary(fact: Fact | undefined): number | null {
  return fact?.kind === "asked" || fact?.kind === "wanted" ? fact.task : null;
}

/** What came before a fact, as a sentence of its own: requests are told in the sentences of what came of them. */
function before(fact: Fact, known: Known): Fact | undefined {
  let at = known(fact.cause);
  if (fact.kind === "spilled" && at?.kind === "short") at = known(at.cause);
  while (at?.kind === "asked" || at?.kind === "wanted") at = known(at.cause);
  return at;
}

const GONE = "what led to it lies too far back";

function who({ task, consumer }: FactOf<"asked">): string {
  return consumer === null ? `task ${task}` : `the ${consumer} of task ${task}`;
}

/** `on-heap`. */
export function modeText(mode: ModeName): string {
  return mode === "onHeap" ? "on-heap" : "off-heap";
}

function someText(bytes: number): string {
  return bytes === 0 ? "nothing" : sizeText(bytes);
}

/** `12 MiB were free`. */
function freeText(bytes: number, of: string = ""): string {
  return bytes === 0 ? `nothing${of} was free` : `${sizeText(bytes)}${of} ${bytes === 1 ? "was" : "were"} free`;
}

/** What a consumer asked for, and how much of it is asked for again after a spill or a wait. */
function amount({ required, bytes }: FactOf<"asked">): string {
  return required === bytes ? sizeText(bytes) : `${sizeText(required)}, of which ${sizeText(bytes)} were still missing`;
}

function wantedText({ block, purpose, bytes, mode, task }: FactOf<"wanted">): string {
  if (purpose === "hand") return `somebody wanted ${sizeText(bytes)} of ${modeText(mode)} storage evicted`;
  const whose = task === null ? "" : ` of task ${task}`;
  return `block ${block}${whose} wanted ${sizeText(bytes)} of ${modeText(mode)} storage${purpose === "unroll" ? " to unroll" : ""}`;
}

/** What led to a move or an eviction: who asked, and what was free. */
function request(fact: Fact | undefined): string {
  if (fact?.kind === "asked") return `${who(fact)} asked for ${amount(fact)} and ${freeText(fact.freeBytes)}`;
  if (fact?.kind !== "wanted") return GONE;
  if (fact.purpose === "hand") return wantedText(fact);
  return `${wantedText(fact)} and ${freeText(fact.freeBytes)}`;
}

/** Why a request for execution memory was not granted. */
function reasons(asked: FactOf<"asked">, short: Shortage): string[] {
  const { storageBytes, limit, pinned, alike } = short;
  const why = passedText(pinned, alike, 0);
  if (limit === "protected") why.push("what it holds is protected");
  if (limit === "kept" && storageBytes > asked.storageFreeBytes) why.push("its blocks go only where they suffice");
  return [
    freeText(asked.freeBytes),
    `storage could give ${someText(storageBytes)}${bracketed(why)}`,
    boundText(asked, short),
  ];
}

type Shortage = Pick<FactOf<"short">, "storageBytes" | "limit" | "pinned" | "alike" | "bound" | "capBytes">;

/** What a task may hold, and how much of it this one does already. */
function boundText({ tasks, newest, heldBytes }: FactOf<"asked">, { bound, capBytes }: Shortage): string {
  const held = heldBytes === 0 ? "it held nothing" : `it held ${sizeText(heldBytes)}`;
  if (bound === "none") return `no task has a bound of its own (${held})`;
  if (bound === "own") return `a task may hold ${sizeText(capBytes)} (${held})`;
  if (tasks === 1) return "the task had the pool to itself";
  const since = newest === null ? "" : ` since task ${newest} had come in`;
  return `the task's share was 1/${tasks}${since} (${sizeText(capBytes)}; ${held})`;
}

/** `5 blocks pinned, 3 of the same RDD`. */
function passedText(pinned: number, alike: number, ownRdd: number): string[] {
  const text = pinned === 0 ? [] : [`${pinned} ${pinned === 1 ? "block" : "blocks"} pinned`];
  const same = ownRdd === 0 ? alike : ownRdd;
  if (same > 0) text.push(`${same} of the same RDD`);
  return text;
}

function bracketed(parts: readonly string[]): string {
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")}, and ${parts.at(-1)!}`;
}

function evictedText({ block, owner, mode, bytes, to, cause }: FactOf<"evicted">, known: Known): string {
  const whose = owner === null ? "" : ` of task ${owner}`;
  const where = to === "disk" ? "was written to disk" : "was dropped";
  return `block ${block}${whose} (${sizeText(bytes)}, ${modeText(mode)}) ${where} because ${request(known(cause))}`;
}

function spilledText(fact: FactOf<"spilled">, known: Known): string {
  const { task, consumer, forTask, trigger, freedBytes } = fact;
  const did =
    freedBytes === -1 ? "failed to spill" : freedBytes === 0 ? "spilled nothing" : `spilled ${sizeText(freedBytes)}`;
  const victim = `the ${consumer} of task ${task} ${did}`;
  if (fact.cause === 0) return `${victim} of its own accord, at a bound of its own`;
  const itself = forTask === task && trigger === consumer;
  const asker = itself
    ? "it"
    : forTask === task
      ? `the ${trigger} of the same task`
      : `the ${trigger} of task ${forTask}`;
  const short = known(fact.cause);
  const asked = short === undefined ? undefined : known(short.cause);
  if ((short?.kind !== "short" && short?.kind !== "waits") || asked?.kind !== "asked")
    return `${victim} because ${asker} asked for memory: ${GONE}`;
  return `${victim} because ${asker} asked for ${amount(asked)}: ${listed(reasons(asked, short))}`;
}

function waitsText(fact: FactOf<"waits">, asked: Fact | undefined): string {
  if (asked?.kind !== "asked") return `a request must wait: ${GONE}`;
  const { floorBytes, bound, capBytes, needBytes } = fact;
  const beyond = bound === "share" ? `more than its share of ${sizeText(capBytes)}` : "more than that";
  const enough = awaited(fact).map(
    ([task, bytes]) => `task ${task} (${sizeText(bytes)}${bound !== "none" && bytes > capBytes ? `, ${beyond}` : ""})`,
  );
  const back =
    enough.length === 0
      ? "nobody holds what it waits for"
      : `${sizeText(needBytes)} must come back, which ${listed(enough)} could give`;
  return `${who(asked)} waits for ${amount(asked)} of ${modeText(asked.mode)} memory: ${listed(reasons(asked, fact))}; it does not go on below ${sizeText(floorBytes)}; ${back}`;
}

function wakingText({ what, by, bytes }: FactOf<"woken">): string {
  if (what === "release") return `because task ${by} gave ${someText(bytes)} back`;
  if (what === "entry") return `because task ${by} had come in`;
  return what === "end" ? `because task ${by} had ended` : "of its own accord";
}

function refusedText(fact: FactOf<"refused">, wanted: Fact | undefined): string {
  if (wanted?.kind !== "wanted") return `a block was refused: ${GONE}`;
  const { limit, lentBytes, evictableBytes, pinned, alike, ownRdd } = fact;
  const parts = [freeText(wanted.freeBytes)];
  if (limit !== "tooLarge") parts.push(`execution lent ${someText(lentBytes)}`);
  if (limit === "kept")
    parts.push(`others could give ${someText(evictableBytes)}${bracketed(passedText(pinned, alike, ownRdd))}`);
  if (limit === "tooLarge") parts.push("storage can never have so much while execution holds what it holds");
  if (limit === "policy") parts.push("the policy evicts no more for it");
  return `${wantedText(wanted)} and was refused: ${listed(parts)}`;
}

function deadlockText({ cycle }: FactOf<"deadlock">): string {
  const waits = cycle.map(([task, mode, asked, nextHolds], at) => {
    const next = cycle[(at + 1) % cycle.length]![0];
    const held = next === task ? "which nobody holds" : `of which task ${next} holds ${sizeText(nextHolds)}`;
    return `task ${task} waits for ${sizeText(asked)} of ${modeText(modeName(mode as Mode))} memory, ${held}`;
  });
  return `deadlock: ${waits.join("; ")}`;
}

function starvedText({ task, mode, needBytes, grants, grantedBytes, bound }: FactOf<"starved">): string {
  return (
    `task ${task} starves: it waits for ${sizeText(needBytes)} of ${modeText(mode)} memory to come back, and ${grants} requests ` +
    `that came later were granted ${sizeText(grantedBytes)}; the bound is ${bound}, one for each other task`
  );
}
