import { beforeAll, describe, expect, test } from "vitest";
import { numbers, seeded } from "../help/seed.js";
import { compileSteps } from "../help/steps.js";
import { type Act, type Answered, Died, LIMIT_BYTES, World } from "./crew-world.js";

const { seed, numRuns: worlds } = seeded(4);
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileSteps();
});

const targetOf = (act: Act): number => ("handle" in act ? act.handle : 0);

/** Runs `act` of worker 2 with `there` called before its write number `at`; null when it has fewer. */
function interrupted(world: World, act: Act, at: number, there: () => void): Answered | null {
  let step = 0;
  let reached = false;
  world.onStep = () => {
    step += 1;
    if (step !== at) return;
    reached = true;
    world.onStep = () => {};
    there();
  };
  try {
    const answered = world.act(2, act);
    return reached ? answered : null;
  } finally {
    world.onStep = () => {};
  }
}

const die = (): never => {
  throw new Died("stopped");
};

/** Worker 2 dies before its write number `at`. */
function dies(world: World, act: Act, at: number): boolean {
  try {
    return interrupted(world, act, at, die) !== null;
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return true;
  }
}

/** Acts worth stopping in, in a world that wandered. */
function acts(world: World, random: () => number): Act[] {
  const held = (worker: number) => [...world.live].find(([, block]) => block.holder === worker)?.[0];
  const [own, others] = [held(2), held(3)];
  const some: Act[] = [
    { kind: "allocate", bytes: 40, align: 8 },
    { kind: "allocate", bytes: 5000, align: 8 },
    { kind: "allocate", bytes: 700, align: 4096 },
    { kind: "allocate", bytes: LIMIT_BYTES / 2, align: 8 },
    world.draw(random, 2),
  ];
  if (own !== undefined) some.push({ kind: "hand over", handle: own, to: 3 }, { kind: "free", handle: own });
  if (others !== undefined)
    some.push(
      { kind: "free", handle: others },
      { kind: "resize", handle: others, bytes: 9000 },
      { kind: "resize", handle: others, bytes: 16 },
    );
  return some;
}

test("the world agrees with itself", () => {
  for (let i = 0; i < 5 * worlds; i += 1) {
    const world = new World(module);
    world.wander(seed + i, 150);
    world.verify();
    world.finish();
  }
});

describe("a worker that dies at any write", () => {
  test("leaves nothing, and what others hold is as it was", () => {
    let deaths = 0;
    for (let i = 0; i < worlds; i += 1) {
      const random = numbers(seed + i);
      const world = new World(module);
      world.wander(seed + i, 30 + ((25 * i) % 150));
      const restore = world.save();
      for (const act of acts(world, random)) {
        for (let at = 1; dies(world, act, at); at += 1) {
          deaths += 1;
          world.recover(1, 2);
          world.verify(targetOf(act));
          world.finish();
          restore();
        }
        restore();
      }
    }
    expect(deaths).toBeGreaterThan(500);
  });

  test("also when who repairs dies too", () => {
    const world = new World(module);
    world.wander(seed, 60);
    const random = numbers(seed);
    const restore = world.save();
    for (const act of acts(world, random)) {
      for (let at = 1; dies(world, act, at); at += 11) {
        const torn = world.save();
        for (let second = 1; repairDies(world, second); second += 9) {
          world.recover(1, 2, 3);
          world.verify(targetOf(act));
          torn();
        }
        restore();
      }
      restore();
    }
  });

  function repairDies(world: World, at: number): boolean {
    let step = 0;
    world.onStep = () => {
      step += 1;
      if (step === at) die();
    };
    try {
      world.recover(3, 2);
      return false;
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      return true;
    } finally {
      world.onStep = () => {};
    }
  }
});

describe("a worker that is stopped at any write while another one acts", () => {
  test("both are answered as if one had been first", () => {
    let stops = 0;
    let blocked = 0;
    for (let i = 0; i < worlds; i += 1) {
      const random = numbers(seed + 100 + i);
      const world = new World(module);
      world.wander(seed + 100 + i, 40 + ((25 * i) % 150));
      const restore = world.save();
      for (const act of acts(world, random)) {
        const others: Act[] = [
          ...(act.kind === "allocate" ? [] : [{ kind: "free", handle: act.handle } as const]),
          ...(act.kind === "allocate" ? [act] : []),
          { kind: "allocate", bytes: LIMIT_BYTES, align: 8 },
          world.draw(random, 3),
        ];
        for (const other of others) {
          for (let at = 1; ; at += 1) {
            let meanwhile: Answered | null = null;
            const answered = interrupted(world, act, at, () => {
              try {
                meanwhile = world.act(3, other);
              } catch (error) {
                if (!(error instanceof Died)) throw error;
              }
            });
            if (answered === null) break;
            stops += 1;
            if (meanwhile === null) {
              // Worker 3 wanted the lock and was stopped for good instead of sleeping.
              blocked += 1;
              if (targetOf(other) === 0 || targetOf(other) !== targetOf(act)) {
                world.enter([answered]);
                world.recover(1, 3);
                world.verify(targetOf(other));
              }
              restore();
              continue;
            }
            world.enter([answered, meanwhile]);
            world.verify();
            world.finish();
            restore();
          }
          restore();
        }
      }
    }
    expect(stops).toBeGreaterThan(1000);
    expect(blocked).toBeGreaterThan(100);
    expect(blocked).toBeLessThan(stops);
  });
});
