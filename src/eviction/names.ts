// The policies by name, and their parameters with the defaults that their authors or libCacheSim give them.

import { Refusal } from "../fault.js";
import { Arc } from "./arc.js";
import { BeladySize } from "./belady-size.js";
import { Belady } from "./belady.js";
import { Clock } from "./clock.js";
import { Fifo } from "./fifo.js";
import { Gdsf } from "./gdsf.js";
import { Lfu } from "./lfu.js";
import { Lirs } from "./lirs.js";
import { Lrc } from "./lrc.js";
import { Lru } from "./lru.js";
import type { EvictionPolicy } from "./policy.js";
import { S3Fifo } from "./s3-fifo.js";
import { Sieve } from "./sieve.js";
import { Slru } from "./slru.js";
import { TwoQueues } from "./two-queues.js";
import { WTinyLfu } from "./w-tinylfu.js";

/** Parameters of all policies. Ratios are parts of the capacity, 0 to 1 where nothing else is said. */
export interface EvictionParams {
  /** Bits of CLOCK's counter of uses, 1 to 8. */
  readonly clockBits: number;
  /** Segments of SLRU, 1 to 8. */
  readonly slruSegments: number;
  /** 2Q's queue of new objects. */
  readonly twoQueuesIn: number;
  /** What 2Q remembers of those that have left it; may exceed 1. */
  readonly twoQueuesOut: number;
  /** LIRS's part for cold objects, above 0 and below 1. */
  readonly lirsCold: number;
  /** S3-FIFO's small queue. */
  readonly s3Small: number;
  /** What S3-FIFO remembers; may exceed 1. */
  readonly s3Ghost: number;
  /** Uses in the small queue with which an object goes on to the main one, 1 or more. */
  readonly s3Threshold: number;
  /** W-TinyLFU's window. */
  readonly tinyWindow: number;
  /** The protected part of W-TinyLFU's main cache. */
  readonly tinyProtected: number;
}

/** A parameter of one of them. */
export type EvictionParam = keyof EvictionParams;

interface ParamRule {
  readonly standard: number;
  readonly least: number;
  readonly most: number;
  readonly whole?: true;
  readonly meaning: string;
}

/** Of each parameter its default, its range and its meaning. */
export const EVICTION_PARAMS: Readonly<Record<EvictionParam, ParamRule>> = {
  clockBits: { standard: 1, least: 1, most: 8, whole: true, meaning: "clock: bits of the counter of uses" },
  slruSegments: { standard: 5, least: 1, most: 8, whole: true, meaning: "slru: number of segments" },
  twoQueuesIn: { standard: 0.25, least: 0, most: 1, meaning: "2q: part of the queue of new objects" },
  twoQueuesOut: { standard: 0.5, least: 0, most: 16, meaning: "2q: what is remembered, as a part of the capacity" },
  lirsCold: { standard: 0.01, least: 0, most: 0.99, meaning: "lirs: part of the cold objects, one unit at least" },
  s3Small: { standard: 0.1, least: 0, most: 1, meaning: "s3-fifo: part of the small queue" },
  s3Ghost: { standard: 0.9, least: 0, most: 16, meaning: "s3-fifo: what is remembered, as a part of the capacity" },
  s3Threshold: { standard: 2, least: 1, most: 1e6, whole: true, meaning: "s3-fifo: uses that lead to the main queue" },
  tinyWindow: { standard: 0.01, least: 0, most: 1, meaning: "w-tinylfu: part of the window, one unit at least" },
  tinyProtected: { standard: 0.8, least: 0, most: 1, meaning: "w-tinylfu: protected part of the main cache" },
};

const MAKERS = {
  fifo: () => new Fifo(),
  lru: () => new Lru(),
  clock: (p) => new Clock(p.clockBits),
  lfu: () => new Lfu(),
  slru: (p) => new Slru(p.slruSegments),
  "2q": (p) => new TwoQueues({ inRatio: p.twoQueuesIn, outRatio: p.twoQueuesOut }),
  arc: () => new Arc(),
  lirs: (p) => new Lirs({ coldRatio: p.lirsCold }),
  sieve: () => new Sieve(),
  "s3-fifo": (p) => new S3Fifo({ smallRatio: p.s3Small, ghostRatio: p.s3Ghost, threshold: p.s3Threshold }),
  "w-tinylfu": (p) => new WTinyLfu({ windowRatio: p.tinyWindow, protectedRatio: p.tinyProtected }),
  gdsf: () => new Gdsf(),
  lrc: () => new Lrc(),
  belady: () => new Belady(),
  "belady-size": () => new BeladySize(),
} as const satisfies Record<string, (params: EvictionParams) => EvictionPolicy>;

/** A shipped eviction policy. */
export type EvictionName = keyof typeof MAKERS;

/** Every policy's name. */
export const EVICTION_NAMES = Object.keys(MAKERS) as readonly EvictionName[];

/**
 * A policy for a cache of `capacity`, empty. Throws Refusal for an unknown name or a parameter out of its range.
 *
 * @example
 * ```ts
 * import { openExecutor } from "tungsten-memory";
 * import { evictionPolicy } from "tungsten-memory/eviction";
 *
 * // The blocks of a store leave by S3-FIFO.
 * const executor = openExecutor({ eviction: { policy: () => evictionPolicy("s3-fifo", { s3Small: 0.2 }) } });
 * console.log(executor.store.size); // 0
 * ```
 */
export function evictionPolicy(
  name: EvictionName,
  params: Partial<EvictionParams> = {},
  capacity: number = 0,
): EvictionPolicy {
  if (!Object.hasOwn(MAKERS, name))
    throw new Refusal(`eviction policy: "${name}" is none of ${EVICTION_NAMES.join(", ")}`);
  const make: (params: EvictionParams) => EvictionPolicy = MAKERS[name];
  const policy = make(withDefaults(params));
  policy.resize(capacity);
  return policy;
}

function withDefaults(params: Partial<EvictionParams>): EvictionParams {
  const all: Record<string, number> = {};
  for (const [name, { standard }] of Object.entries(EVICTION_PARAMS)) all[name] = standard;
  for (const [name, value] of Object.entries(params)) {
    if (!Object.hasOwn(EVICTION_PARAMS, name)) throw new Refusal(`eviction parameter: "${name}" is not known`);
    const { least, most, whole } = EVICTION_PARAMS[name as EvictionParam];
    if (!(value >= least && value <= most && (whole !== true || Number.isInteger(value))))
      throw new Refusal(
        `eviction parameter ${name}: ${value} is no ${whole === true ? "whole " : ""}number from ${least} to ${most}`,
      );
    all[name] = value;
  }
  return all as unknown as EvictionParams;
}
