// What is tried with the workers of an arena: to die at every write, to die while repairing, and to be met by another one
// at every write. Each answers how often it tried; what does not hold is thrown.

import { numbers } from "../help/seed.js";
import { type Act, type Answered, Died, LIMIT_BYTES, World } from "./crew-world.js";

/** Workers act in turn, and all comes back. */
export function wander(module: WebAssembly.Module, seed: number, worlds: number): number {
  for (let i = 0; i < worlds; i += 1) {
    const world = new World(module);
    world.wander(seed + i, 150);
    world.verify();
    world.finish();
  }
  return worlds;
}

/** Worker 2 dies before each of its writes; worker 1 takes back what it held. */
export function deaths(module: WebAssembly.Module, seed: number, worlds: number): number {
  let tried = 0;
  for (let i = 0; i < worlds; i += 1) {
    const random = numbers(seed + i);
    const world = new World(module);
    world.wander(seed + i, 30 + ((25 * i) % 150));
    const restore = world.save();
    for (const act of acts(world, random)) {
      for (let at = 1; dies(world, act, at); at += 1) {
        tried += 1;
        world.recover(1, 2);
        world.verify(targetOf(act));
        world.finish();
        restore();
      }
      restore();
    }
  }
  return tried;
}

/** Worker 2 dies, and worker 3 while it takes back what that one held; of all `everies` one write each. */
export function deathsInRepair(
  module: WebAssembly.Module,
  seed: number,
  everies: readonly [death: number, second: number],
): number {
  let tried = 0;
  const world = new World(module);
  world.wander(seed, 60);
  const restore = world.save();
  for (const act of acts(world, numbers(seed))) {
    for (let at = 1; dies(world, act, at); at += everies[0]) {
      const torn = world.save();
      for (let second = 1; repairDies(world, second); second += everies[1]) {
        tried += 1;
        world.recover(1, 2, 3);
        world.verify(targetOf(act));
        torn();
      }
      restore();
    }
    restore();
  }
  return tried;
}

/** Worker 3 acts between two writes of worker 2, at each of them. Where it would sleep for the lock, it is stopped for good. */
export function meetings(module: WebAssembly.Module, seed: number, worlds: number): { tried: number; asleep: number } {
  let tried = 0;
  let asleep = 0;
  for (let i = 0; i < worlds; i += 1) {
    const random = numbers(seed + i);
    const world = new World(module);
    world.wander(seed + i, 40 + ((25 * i) % 150));
    const restore = world.save();
    for (const act of acts(world, random)) {
      for (const other of othersFor(act, world, random)) {
        const same = targetOf(act) !== 0 && targetOf(act) === targetOf(other);
        for (let at = 1; ; at += 1) {
          const met = meet(world, act, other, at);
          if (met === null) break;
          tried += 1;
          if (met.length === 2) {
            world.enter(met);
            world.verify();
            world.finish();
          } else {
            asleep += 1;
            if (!same) {
              world.enter(met);
              world.recover(1, 3);
              world.verify(targetOf(other));
            }
          }
          restore();
        }
        restore();
      }
    }
  }
  return { tried, asleep };
}

/**
 * The same where worker 3 must not sleep: what it is told to be too late for has changed nothing, and is done when it is asked
 * for again.
 */
export function hurries(module: WebAssembly.Module, seed: number, worlds: number): { tried: number; late: number } {
  let tried = 0;
  let late = 0;
  for (let i = 0; i < worlds; i += 1) {
    const random = numbers(seed + i);
    const world = new World(module);
    world.hurry(3);
    world.wander(seed + i, 40 + ((25 * i) % 150));
    const restore = world.save();
    for (const act of acts(world, random)) {
      for (const other of othersFor(act, world, random)) {
        for (let at = 1; ; at += 1) {
          const met = meet(world, act, other, at);
          if (met === null) break;
          tried += 1;
          const [answered, meanwhile] = met;
          if (meanwhile === undefined) throw new Error("who must not sleep is asleep");
          if (world.isLate(meanwhile)) {
            late += 1;
            // A block that it frees it has taken already.
            if (other.kind === "free") {
              world.enter([answered!, world.act(3, other)]);
            } else {
              world.enter([answered!]);
              world.enter([world.act(3, other)]);
            }
          } else {
            world.enter(met);
          }
          world.verify();
          world.finish();
          restore();
        }
        restore();
      }
    }
  }
  return { tried, late };
}

/** What worker 2 was answered, and worker 3 if it came through; null when worker 2 has fewer writes. */
function meet(world: World, act: Act, other: Act, at: number): Answered[] | null {
  let meanwhile: Answered | null = null;
  const answered = interrupted(world, act, at, () => {
    try {
      meanwhile = world.act(3, other);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
  });
  if (answered === null) return null;
  return meanwhile === null ? [answered] : [answered, meanwhile];
}

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

/** Worker 2 dies before its write number `at`; false when it has fewer. */
function dies(world: World, act: Act, at: number): boolean {
  return stopped(() => interrupted(world, act, at, die) !== null);
}

function repairDies(world: World, at: number): boolean {
  let step = 0;
  world.onStep = () => {
    step += 1;
    if (step === at) die();
  };
  return stopped(() => {
    try {
      world.recover(3, 2);
    } finally {
      world.onStep = () => {};
    }
    return false;
  });
}

function stopped(run: () => boolean): boolean {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return true;
  }
}

function die(): never {
  throw new Died("stopped");
}

function targetOf(act: Act): number {
  return "handle" in act ? act.handle : 0;
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

/** The same in the way of another, a free of the same block, and a request for all that there is. */
function othersFor(act: Act, world: World, random: () => number): Act[] {
  return [
    act.kind === "allocate" ? act : { kind: "free", handle: act.handle },
    { kind: "allocate", bytes: LIMIT_BYTES, align: 8 },
    world.draw(random, 3),
  ];
}
