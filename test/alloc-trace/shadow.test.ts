import { describe, expect, test } from "vitest";
import { arenaTarget, type ArenaTarget } from "../../src/alloc-trace/arena-target.js";
import { replay } from "../../src/alloc-trace/replay.js";
import { shadowReplay, type ShadowTarget } from "../../src/alloc-trace/shadow.js";
import { ALLOCATE, ALLOCATE_ZEROED, type AllocTrace, TraceBuilder } from "../../src/alloc-trace/trace.js";

const MIB = 2 ** 20;

/** A trace of random steps from a seed: sizes of every order, aligned, zeroed, resized, freed. */
function randomTrace(seed: number, operations: number): AllocTrace {
  let state = seed;
  const random = (below: number): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (state >>> 0) % below;
  };
  const builder = new TraceBuilder();
  const live: number[] = [];
  for (let i = 0; i < operations; i += 1) {
    const bytes = random(2 ** (1 + random(17)));
    const choice = random(10);
    if (choice < 4 || live.length === 0) live.push(builder.allocate(ALLOCATE, bytes, 0));
    else if (choice === 4) live.push(builder.allocate(ALLOCATE_ZEROED, bytes, 0));
    else if (choice === 5) live.push(builder.allocate(ALLOCATE, bytes, 2 ** random(17)));
    else if (choice === 6) builder.reallocate(live[random(live.length)]!, bytes);
    else builder.free(live.splice(random(live.length), 1)[0]!);
  }
  return builder.finish("wee");
}

const trace = randomTrace(1, 4000);

test.each([1, 2, 3])("random trace %i: the observer has nothing to object to", (seed) => {
  for (const shared of [true, false]) {
    const target = arenaTarget({ limitBytes: 256 * MIB, shared });
    expect(shadowReplay(randomTrace(seed, 4000), target)).toMatchObject({ violations: 0, first: [], refused: 0 });
  }
});

test("a tight limit refuses, and what is refused stays so", () => {
  const target = arenaTarget({ limitBytes: 2 * MIB });
  const result = shadowReplay(trace, target);
  expect(result.violations).toBe(0);
  expect(result.refused).toBeGreaterThan(100);
  expect(result.refusedFrees).toBeGreaterThan(10);
  expect(result.peakLiveBytes).toBeLessThanOrEqual(2 * MIB);
  expect(replay(trace, arenaTarget({ limitBytes: 2 * MIB }))).toMatchObject({
    refused: result.refused,
    refusedFrees: result.refusedFrees,
    peakLiveBytes: result.peakLiveBytes,
  });
});

test("a refused realloc leaves the block, a realloc of a refused block allocates", () => {
  const builder = new TraceBuilder();
  const kept = builder.allocate(ALLOCATE, 1000, 0);
  builder.reallocate(kept, 36e9);
  const refused = builder.allocate(ALLOCATE, 36e9, 0);
  builder.reallocate(refused, 500);
  const never = builder.allocate(ALLOCATE, 36e9, 0);
  for (const block of [kept, refused, never]) builder.free(block);
  const target = arenaTarget({ limitBytes: MIB });
  expect(shadowReplay(builder.finish("wee"), target)).toMatchObject({
    refused: 3,
    refusedFrees: 1,
    peakLiveBytes: 1500,
    violations: 0,
  });
  expect(target.liveBlocks).toBe(0);
});

/** The arena with one of its answers bent. */
const kindsFor = (bend: (target: ArenaTarget) => Partial<ShadowTarget>): Set<string> => {
  const target = arenaTarget({ limitBytes: 256 * MIB });
  const bent = Object.create(target, Object.getOwnPropertyDescriptors(bend(target))) as ShadowTarget;
  const { violations, first } = shadowReplay(trace, bent);
  expect(violations).toBeGreaterThan(0);
  return new Set(first.map((violation) => violation.kind));
};

const lose = (target: ArenaTarget, handle: number, bytes: number): number => {
  const moved = target.allocate(bytes, 0);
  target.free(handle);
  return moved;
};

const fail = (): void => {
  throw new Error("broken");
};

describe("the observer objects to", () => {
  test("overlap", () => {
    expect(kindsFor((target) => ({ addressOf: (h) => Math.max(0, target.addressOf(h) - 8) }))).toContain("overlap");
  });
  test("misalignment", () => {
    expect(kindsFor((target) => ({ addressOf: (h) => target.addressOf(h) + 4 }))).toContain("misalignment");
  });
  test("strays", () => {
    expect(kindsFor(() => ({ limitBytes: 4096 }))).toContain("stray");
  });
  test("leaks", () => {
    let frees = 0;
    expect(kindsFor((target) => ({ free: (h) => void (++frees % 100 === 0 || target.free(h)) }))).toContain("leak");
  });
  test("contents changed while held", () => {
    let calls = 0;
    const spoil = (target: ArenaTarget): void => {
      if (++calls === 500) target.u8.fill(0);
    };
    expect(kindsFor((target) => ({ free: (h) => (spoil(target), target.free(h)) }))).toContain("contents");
  });
  test("a calloc that does not clear", () => {
    expect(kindsFor((target) => ({ allocateZeroed: (bytes) => target.allocate(bytes, 0) }))).toContain("contents");
  });
  test("a realloc that does not copy", () => {
    expect(kindsFor((target) => ({ reallocate: (h, bytes) => lose(target, h, bytes) }))).toContain("contents");
  });
  test("tables that do not agree", () => {
    expect(kindsFor(() => ({ check: fail }))).toEqual(new Set(["tables"]));
  });
});
