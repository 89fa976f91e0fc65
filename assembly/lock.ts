// A lock in shared memory that knows who has it: a number above 0, with CONTENDED while somebody sleeps for it. It is
// tried a bounded number of times and then slept for.

export const CONTENDED: u32 = 0x80000000;

/** Looks at a taken lock before sleeping for it. */
const SPINS: i32 = 100;

/** Takes the lock for `me`; false when it could not be had within `nanoseconds` (below 0: no bound). */
export function lockTake(at: usize, me: u32, nanoseconds: i64 = -1): bool {
  for (let spin = 0; spin < SPINS; spin += 1) {
    if (atomic.load<u32>(at) == 0 && atomic.cmpxchg<u32>(at, 0, me) == 0) return true;
  }
  while (true) {
    const owner = atomic.load<u32>(at);
    // Whoever has slept takes the lock with CONTENDED: others may sleep still.
    if (owner == 0) {
      if (atomic.cmpxchg<u32>(at, 0, me | CONTENDED) == 0) return true;
    } else if (!lockSleep(at, owner, nanoseconds)) return false;
  }
}

/** Takes the lock if it is free. */
export function lockTry(at: usize, me: u32): bool {
  return atomic.cmpxchg<u32>(at, 0, me) == 0;
}

/** Takes the lock from `dead`, who will take no further step; false when that is not the owner. */
export function lockTakeFrom(at: usize, dead: u32, me: u32): bool {
  while (true) {
    const owner = atomic.load<u32>(at);
    if ((owner & ~CONTENDED) != dead) return false;
    if (atomic.cmpxchg<u32>(at, owner, me | CONTENDED) == owner) return true;
  }
}

/** Sleeps while `owner` has the lock; false when `nanoseconds` (below 0: no bound) ran out. */
export function lockSleep(at: usize, owner: u32, nanoseconds: i64): bool {
  if ((owner & CONTENDED) == 0 && atomic.cmpxchg<u32>(at, owner, owner | CONTENDED) != owner) return true;
  return atomic.wait<u32>(at, owner | CONTENDED, nanoseconds) != 2;
}

export function lockGive(at: usize): void {
  if ((atomic.xchg<u32>(at, 0) & CONTENDED) != 0) atomic.notify(at, 1);
}
