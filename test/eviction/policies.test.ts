// Every policy against its slow model, call by call, on random requests with sizes, groups, locks, hints and a capacity that
// moves; and the laws of a cache, seen from outside, whatever the policy.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Admission, EvictionCache, NO_GROUP } from "../../src/eviction/cache.js";
import { EVICTION_NAMES, EVICTION_PARAMS, type EvictionName, evictionPolicy } from "../../src/eviction/names.js";
import { mostHits } from "../../src/eviction/bound.js";
import { type EvictionPolicy } from "../../src/eviction/policy.js";
import { replay } from "../../src/eviction/replay.js";
import { hintsOf, type Requests } from "../../src/eviction/requests.js";
import { replayRequests } from "../../src/eviction/index.js";
import { Refusal } from "../../src/fault.js";
import { numbers, seeded } from "../help/seed.js";
import { MODELS } from "./models/index.js";

type Step =
  | {
      readonly kind: "request";
      readonly id: number;
      readonly size: number;
      readonly group: number;
      readonly hint: number;
    }
  | { readonly kind: "lock" | "unlock" | "remove"; readonly id: number }
  | { readonly kind: "note"; readonly id: number; readonly hint: number }
  | { readonly kind: "resize"; readonly capacity: number };

const OBJECTS = 25;
const id = fc.nat(OBJECTS - 1);
const hint = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      id,
      size: fc.integer({ min: 0, max: 9 }),
      group: fc.integer({ min: NO_GROUP, max: 3 }),
      hint,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("lock" as const, "unlock" as const, "unlock" as const, "remove" as const),
      id,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("note" as const), id, hint }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("resize" as const), capacity: fc.integer({ min: 0, max: 60 }) }),
  },
);

/** Sizes of the ghosts that a policy may remember, by its capacity. W-TinyLFU counts uses of objects, whatever their size. */
const GHOSTS: Partial<Record<EvictionName, number>> = {
  "2q": 0.5,
  arc: 2,
  lirs: 2,
  "s3-fifo": 0.9,
  "w-tinylfu": Infinity,
};

/** A cache that writes down what it does, and objects where a law of all caches is broken. */
class Watched {
  readonly log: string[] = [];
  readonly #cache: EvictionCache;
  readonly #locks = new Map<number, number>();
  readonly #inside = new Map<number, { size: number; group: number }>();
  #asking = NO_GROUP;
  #calls = 0;
  readonly #mostGhosts: number;

  constructor(policy: EvictionPolicy, capacity: number, mostGhosts: number) {
    this.#mostGhosts = mostGhosts;
    policy.reserve(OBJECTS);
    this.#cache = new EvictionCache(policy, capacity);
    this.#cache.onEvict = (gone, size) => {
      expect(this.#locks.get(gone) ?? 0, "a locked object stays").toBe(0);
      expect(this.#inside.get(gone)?.size, "it was there").toBe(size);
      if (this.#asking !== NO_GROUP) expect(this.#inside.get(gone)!.group).not.toBe(this.#asking);
      this.#inside.delete(gone);
      this.log.push(`evict ${gone}`);
    };
  }

  do(s: Step): void {
    const cache = this.#cache;
    switch (s.kind) {
      case "request": {
        this.#asking = this.#inside.has(s.id) ? NO_GROUP : s.group;
        const before = this.#inside.has(s.id);
        const evictions = cache.evictions;
        // Next uses lie ahead.
        const told = cache.policy.hint === "nextUse" ? this.#calls + s.hint : s.hint;
        this.#calls += 1;
        const answer = cache.request(s.id, s.size, s.group, told);
        expect(answer === "hit").toBe(before);
        if (answer === "oversize") expect(s.size).toBeGreaterThan(cache.capacity);
        if (answer === "refused") expect(cache.evictions, "nothing leaves in vain").toBe(evictions);
        if (answer === "admitted") {
          this.#inside.set(s.id, { size: s.size, group: s.group });
          expect(cache.used).toBeLessThanOrEqual(cache.capacity);
        }
        this.#asking = NO_GROUP;
        this.log.push(answer);
        break;
      }
      case "lock":
        if (!cache.has(s.id)) {
          expect(() => cache.lock(s.id)).toThrow(Refusal);
          return;
        }
        cache.lock(s.id);
        this.#locks.set(s.id, (this.#locks.get(s.id) ?? 0) + 1);
        break;
      case "unlock":
        if ((this.#locks.get(s.id) ?? 0) === 0) {
          expect(() => cache.unlock(s.id)).toThrow(Refusal);
          return;
        }
        cache.unlock(s.id);
        this.#locks.set(s.id, this.#locks.get(s.id)! - 1);
        break;
      case "remove":
        expect(cache.remove(s.id)).toBe(this.#inside.delete(s.id));
        this.#locks.delete(s.id);
        expect(cache.policy.knows(s.id)).toBe(false);
        break;
      case "note":
        cache.note(s.id, cache.policy.hint === "nextUse" ? this.#calls + s.hint : s.hint);
        break;
      case "resize":
        cache.resize(s.capacity);
        for (const [each] of this.#inside)
          if (cache.used > s.capacity)
            expect(this.#locks.get(each) ?? 0, "only the locked are too much").toBeGreaterThan(0);
    }
    let used = 0;
    for (const [each, { size }] of this.#inside) {
      expect(cache.has(each)).toBe(true);
      expect(cache.policy.sizeOf(each)).toBe(size);
      used += size;
    }
    expect(cache.used).toBe(used);
    let ghosts = 0;
    for (let each = 0; each < OBJECTS; each += 1)
      if (!cache.has(each) && cache.policy.knows(each)) ghosts += cache.policy.sizeOf(each);
    if (this.#mostGhosts < Infinity)
      expect(ghosts, "ghosts are bounded").toBeLessThanOrEqual(this.#mostGhosts * cache.capacity);
  }
}

describe.each(EVICTION_NAMES)("%s", (name) => {
  test("agrees with its model, and keeps the laws of a cache", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60 }),
        fc.array(step, { minLength: 20, maxLength: 160 }),
        (capacity, steps) => {
          const ghosts = GHOSTS[name] ?? 0;
          const ours = new Watched(evictionPolicy(name), capacity, ghosts);
          const model = new Watched(MODELS[name](), capacity, ghosts);
          for (const [at, s] of steps.entries()) {
            ours.do(s);
            model.do(s);
            expect(ours.log, `step ${at}`).toEqual(model.log);
            ours.log.length = 0;
            model.log.length = 0;
          }
        },
      ),
      seeded(25),
    );
  });

  test("agrees with its model on a long stream, in objects and in bytes", () => {
    for (const sized of [false, true]) {
      const requests = zipf(3000, 150, 11, sized);
      for (const capacity of sized ? [40, 333] : [1, 10, 60]) {
        const expected = replay(requests, MODELS[name](), capacity, hintsOf(requests, evictionPolicy(name).hint));
        expect(run(name, requests, capacity)).toEqual(expected);
      }
    }
  });
});

test.each(EVICTION_NAMES)("%s agrees with its model where sizes come late, and more objects after them", (name) => {
  const random = numbers(3);
  const list = Array.from({ length: 900 }, (_, i) => {
    const object = Math.floor((20 + i) ** random());
    return { id: object, size: i < 150 ? 1 : 1 + (object % 7) };
  });
  expect(replayRequests(list, name, 90)).toEqual(replayRequests(list, MODELS[name](), 90));
});

const run = (name: EvictionName, requests: Requests, capacity: number) => {
  const policy = evictionPolicy(name, {}, capacity);
  return replay(requests, policy, capacity, hintsOf(requests, policy.hint));
};

function zipf(length: number, objects: number, seed: number, sized: boolean): Requests {
  const random = numbers(seed);
  const sizes = Float64Array.from({ length: objects }, () => 1 + Math.floor(random() * 30));
  const drawn = Array.from({ length }, () => Math.floor(objects ** random()) - 1);
  const seen = [...new Set(drawn)];
  const ids = Uint32Array.from(drawn, (object) => seen.indexOf(object));
  return { ids, objects: seen.length, sizes: sized ? Float64Array.from(ids, (each) => sizes[each]!) : null };
}

test.each(["2q", "s3-fifo"] as const)("%s forgets ghosts that are too many at once when the cache shrinks", (name) => {
  const cache = new EvictionCache(evictionPolicy(name), 1000);
  for (let each = 0; each < 2000; each += 1) cache.request(each % 400, 10);
  for (let each = 0; each < 400; each += 1) if (cache.has(each)) cache.remove(each);
  const ghosts = () => Array.from({ length: 400 }, (_, each) => each).filter((each) => cache.policy.knows(each));
  expect(ghosts().length).toBeGreaterThan(20);
  cache.resize(9);
  expect(ghosts().length).toBeLessThan(2);
});

test("ARC goes on adapting when ghosts have been wanted that take no room", () => {
  const cache = new EvictionCache(evictionPolicy("arc"), 10);
  const gone: number[] = [];
  cache.onEvict = (object) => gone.push(object);
  const [empty, a, b, c, d] = [0, 1, 2, 3, 4] as const;
  cache.request(empty, 0);
  cache.request(a, 5);
  cache.request(a, 5);
  cache.request(b, 5);
  // The empty one and b leave and are remembered; b comes back for c, of which nothing shall be remembered.
  cache.request(c, 5);
  cache.request(b, 5);
  expect(gone).toEqual([empty, b, c]);
  cache.remove(c);
  cache.request(empty, 0);
  // Now those seen once shall have 2 of 10: a makes room for the first of six of them, and the sixth comes for the first.
  for (let once = d; once < d + 6; once += 1) cache.request(once, 1);
  expect(gone.slice(3)).toEqual([a, d]);
});

describe("what holds between policies", () => {
  test("nobody beats MIN where objects are of one size, and more room never hurts it", () => {
    for (const seed of [1, 2, 3]) {
      const requests = zipf(4000, 300, seed, false);
      let before = Infinity;
      for (const capacity of [5, 20, 80, 299]) {
        const least = run("belady", requests, capacity).misses;
        expect(least).toBeLessThanOrEqual(before);
        before = least;
        for (const name of EVICTION_NAMES)
          expect(run(name, requests, capacity).misses, name).toBeGreaterThanOrEqual(least);
        expect(run("belady-size", requests, capacity).misses).toBe(least);
      }
    }
  });

  test("nobody has more hits than can be, whatever the sizes, and the bound is reached where all fit", () => {
    for (const seed of [1, 2]) {
      for (const sized of [false, true]) {
        const requests = zipf(2000, 200, seed, sized);
        for (const capacity of [1, 20, 150, 900]) {
          const most = mostHits(requests, capacity);
          for (const name of EVICTION_NAMES)
            expect(run(name, requests, capacity).hits, `${name} ${capacity}`).toBeLessThanOrEqual(most);
        }
        const all = requests.sizes?.reduce((sum, size) => sum + size, 0) ?? requests.objects;
        expect(mostHits(requests, all)).toBe(run("lru", requests, all).hits);
      }
    }
    // A place for 7 requests: the two hits of a take 2 each, that of b would take 5.
    const small = { ids: Uint32Array.of(0, 1, 0, 2, 0, 3, 1), objects: 4, sizes: null };
    expect(mostHits(small, 1)).toBe(2);
    expect(mostHits({ ...small, sizes: Float64Array.of(2, 1, 3, 1, 2, 1, 1) }, 1)).toBe(1);
  });

  test("with room for all, everybody misses every object once", () => {
    const requests = zipf(2000, 100, 5, false);
    for (const name of EVICTION_NAMES.filter((each) => each !== "slru"))
      expect(run(name, requests, requests.objects).misses, name).toBe(requests.objects);
  });
});

describe("a list of requests", () => {
  test("a group does not make room for itself, and nothing leaves in vain", () => {
    const block = (rdd: number, n: number) => ({ id: `rdd_${rdd}_${n}`, size: 4, group: rdd });
    const { answers, evictions, refused, misses, missedBytes } = replayRequests(
      [block(1, 0), block(1, 1), block(1, 2), block(2, 0), block(1, 0), block(2, 1), block(2, 2)],
      "lru",
      8,
    );
    const expected: Admission[] = ["admitted", "admitted", "refused", "admitted", "admitted", "admitted", "admitted"];
    expect(answers).toEqual(expected);
    expect({ evictions, refused, misses, missedBytes }).toEqual({
      evictions: 4,
      refused: 1,
      misses: 7,
      missedBytes: 28,
    });
  });

  test("what is told of an object counts, and what the list tells where it is not", () => {
    const list = ["a", "b", "c", "a", "b"].map((name) => ({ id: name }));
    expect(replayRequests(list, "belady", 2).hits).toBe(1);
    // b is said never to come again, and a to be needed less than c.
    const told = list.map((request) => ({ ...request, refs: { a: 1, b: 5, c: 2 }[request.id]! }));
    expect(replayRequests(told, "lrc", 2).answers).toEqual(["admitted", "admitted", "admitted", "admitted", "hit"]);
    const costly = list.map((request) => ({ ...request, cost: request.id === "a" ? 100 : 1 }));
    expect(replayRequests(costly, "gdsf", 2).answers[3]).toBe("hit");
  });

  test("sizes and capacities that are none are refused", () => {
    expect(() => replayRequests([{ id: 1, size: -1 }], "lru", 5)).toThrow("size: -1 is no whole number");
    expect(() => replayRequests([], "lru", 0.5)).toThrow("capacity: 0.5");
    expect(replayRequests([{ id: 1, size: 6 }], "lru", 5)).toMatchObject({ oversize: 1, misses: 1, missedBytes: 6 });
  });
});

describe("parameters", () => {
  test("are checked, each by its range", () => {
    for (const [name, { least, most, standard }] of Object.entries(EVICTION_PARAMS)) {
      expect(standard).toBeGreaterThanOrEqual(least);
      for (const value of [least - 1, most + 1, Number.NaN])
        expect(() => evictionPolicy("lru", { [name]: value })).toThrow(`eviction parameter ${name}: ${value}`);
      for (const value of [least, most]) expect(evictionPolicy("lru", { [name]: value }).name).toBe("lru");
    }
    expect(() => evictionPolicy("lru", { nonsense: 1 } as object)).toThrow(`"nonsense" is not known`);
    expect(() => evictionPolicy("mru" as EvictionName)).toThrow(`"mru" is none of fifo, lru`);
  });
});
