// Eviction policies on streams of requests that are numbered already, so that what is timed is the policy and its bookkeeping
// alone. Peers get the same numbers and must miss as often as our LRU.

import { join } from "node:path";

import {
  type Absent,
  AHEAD,
  type Bench,
  type Case,
  type Contender,
  type Goal,
  MILLION_OPS,
  OURS,
  parameter,
  reaching,
  type Reading,
  type Settings,
  whole,
} from "./harness.js";
import { cpuSeconds } from "./cpu.js";
import { fold } from "./hash.js";
import { ensurePeer, importPeer, peerVersion } from "./npm-peers.js";
import { repository } from "./spark.js";
import { readRequests } from "../src/cli/evict.js";
import { type EvictionName, evictionPolicy } from "../src/eviction/names.js";
import { replay } from "../src/eviction/replay.js";
import { hintsOf, type Requests } from "../src/eviction/requests.js";
import { Random } from "../src/trace/random.js";

const POLICIES: readonly EvictionName[] = [
  "fifo",
  "clock",
  "sieve",
  "lru",
  "s3-fifo",
  "arc",
  "lirs",
  "w-tinylfu",
  "lfu",
  "slru",
  "2q",
  "gdsf",
  "lrc",
  "belady",
];

/** Goals in millions a second, at up to 1e5 objects; at 1e7 a fifth of it. */
const LEAST: Partial<Record<EvictionName, number>> = {
  fifo: 20,
  clock: 20,
  sieve: 20,
  lru: 10,
  "s3-fifo": 10,
  arc: 3,
  lirs: 3,
  "w-tinylfu": 3,
};

export const evict: Bench = {
  name: "evict",
  about:
    "Requests for dense ids replayed on an empty policy, 1 core; making the policy and numbering the objects is not timed. " +
    "web07: 76,118 recorded requests for 20,484 objects, numbered in the order of their first appearance, so that popular ones are " +
    "neighbours; capacity 1,200. zipf N: ranks floor(N^u), which is Zipf of exponent 1, " +
    "over N objects whose ids are a random permutation of the ranks; capacity N/10; 2e6 requests for 1e5 objects, 1e7 for 1e7. " +
    "Peers: an LRU with `get`, and `set` of what was missed. Seconds are those of the CPU, the collector's threads included.",
  cases: (settings) => [
    ...POLICIES.map((policy) => replays(settings, policy, web07(settings))),
    ...POLICIES.map((policy) => replays(settings, policy, zipf(settings, "zipf 1e5", 1000, 1e5, 2e6))),
    ...POLICIES.map((policy) => replays(settings, policy, zipf(settings, "zipf 1e7", 2000, 1e7, 1e7), 5)),
  ],
};

interface Stream {
  readonly name: string;
  readonly capacity: number;
  readonly requests: () => Promise<Requests>;
  /** Replays of a round. */
  readonly repeats: number;
}

function web07(settings: Settings): Stream {
  const file = join(repository(), "test", "golden", "requests", "web07.trace.gz");
  return {
    name: "web07",
    capacity: 1200,
    requests: async () => (await readRequests(file, "cache2k")).requests,
    repeats: parameter(settings, 1, 20, 5),
  };
}

function zipf(settings: Settings, name: string, tiny: number, real: number, most: number): Stream {
  const objects = parameter(settings, tiny, real, Math.min(real, 1e5));
  const length = parameter(settings, 4 * tiny, most, 5e5);
  return {
    name,
    capacity: objects / 10,
    requests: () => Promise.resolve(zipfRequests(objects, length, settings.seed)),
    repeats: 1,
  };
}

function zipfRequests(objects: number, length: number, seed: number): Requests {
  const random = new Random(seed);
  const idOfRank = Uint32Array.from({ length: objects }, (_, rank) => rank);
  for (let rank = objects - 1; rank > 0; rank -= 1) {
    const other = random.below(rank + 1);
    const id = idOfRank[rank]!;
    idOfRank[rank] = idOfRank[other]!;
    idOfRank[other] = id;
  }
  const ids = new Uint32Array(length);
  for (let i = 0; i < length; i += 1) ids[i] = idOfRank[Math.floor(objects ** random.fraction()) - 1]!;
  return { ids, objects, sizes: null };
}

/** `slower`: by how much the goal is less than with few objects. */
function replays(settings: Settings, policy: EvictionName, stream: Stream, slower: number = 1): Case {
  const isLru = policy === "lru";
  const least = LEAST[policy];
  return {
    name: `${stream.name}, ${policy}`,
    unit: MILLION_OPS,
    goal: (peer) => (least === undefined ? null : aimed(peer, reaching(least / slower))),
    mostRounds: slower > 1 ? 3 : 5,
    async ours() {
      const requests = await stream.requests();
      const hints = hintsOf(requests, evictionPolicy(policy).hint);
      return whole(settings, "ours", OURS, () =>
        timed(stream, requests, () => {
          const empty = evictionPolicy(policy, {}, stream.capacity);
          empty.reserve(requests.objects);
          return () => replay(requests, empty, stream.capacity, hints).misses;
        }),
      );
    },
    peers: isLru ? PEERS.map((peer) => () => contender(settings, stream, peer)) : [],
  };
}

/** To be ahead of a peer, and to reach what is aimed at whoever is there. */
function aimed(peer: string, own: Goal): Goal {
  if (peer === "") return own;
  return { text: `${AHEAD.text}, ${own.text}`, reached: (row) => AHEAD.reached(row) && own.reached(row) };
}

/** One round; `make` gives what replays the requests and counts the misses. */
function timed(stream: Stream, requests: Requests, make: () => () => number): Reading {
  let seconds = 0;
  let hash = 0;
  let run: (() => number) | null = null;
  for (let n = 0; n < stream.repeats; n += 1) {
    run = make();
    const start = cpuSeconds();
    hash = fold(hash, run());
    seconds += cpuSeconds() - start;
  }
  return { ops: stream.repeats * requests.ids.length, seconds: Math.max(1e-6, seconds), hash, kept: run };
}

interface LruPeer {
  get(key: number): number | undefined;
  set(key: number, value: number): unknown;
}

interface Peer {
  readonly name: string;
  readonly package: string;
  /** Makes an empty cache. */
  readonly open: () => Promise<(capacity: number) => LruPeer>;
}

const PEERS: readonly Peer[] = [
  {
    name: "lru-cache",
    package: "lru-cache",
    async open() {
      const { LRUCache } = await importPeer<{ LRUCache: new (options: { max: number }) => LruPeer }>("lru-cache");
      return (max) => new LRUCache({ max });
    },
  },
  {
    name: "mnemonist LRUMap",
    package: "mnemonist",
    async open() {
      type Made = new (keys: typeof Uint32Array, values: typeof Uint8Array, capacity: number) => LruPeer;
      const { default: LRUMap } = await importPeer<{ default: Made }>("mnemonist/lru-map");
      return (capacity) => new LRUMap(Uint32Array, Uint8Array, capacity);
    },
  },
  {
    name: "mnemonist LRUCache",
    package: "mnemonist",
    async open() {
      type Made = new (keys: typeof Uint32Array, values: typeof Uint8Array, capacity: number) => LruPeer;
      const { default: LRUCache } = await importPeer<{ default: Made }>("mnemonist/lru-cache");
      return (capacity) => new LRUCache(Uint32Array, Uint8Array, capacity);
    },
  },
  {
    name: "@thi.ng/cache",
    package: "@thi.ng/cache",
    async open() {
      type Made = new (pairs: null, options: { maxlen: number }) => LruPeer;
      const { LRUCache } = await importPeer<{ LRUCache: Made }>("@thi.ng/cache");
      return (maxlen) => new LRUCache(null, { maxlen });
    },
  },
];

async function contender(settings: Settings, stream: Stream, peer: Peer): Promise<Contender | Absent> {
  const absent = ensurePeer(peer.package, settings);
  if (absent !== null) return absent;
  const open = await peer.open();
  const requests = await stream.requests();
  return whole(settings, peer.name, peerVersion(peer.package), () =>
    timed(stream, requests, () => {
      const cache = open(stream.capacity);
      return () => missesOf(cache, requests);
    }),
  );
}

function missesOf(cache: LruPeer, { ids }: Requests): number {
  let misses = 0;
  for (let i = 0; i < ids.length; i += 1) {
    const id = ids[i]!;
    if (cache.get(id) !== undefined) continue;
    misses += 1;
    cache.set(id, 1);
  }
  return misses;
}
