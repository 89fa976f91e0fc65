// A lock in shared memory that knows who has it: a number above 0, with CONTENDED while somebody sleeps for it. It is
// tried a bounded number of times and then slept for.

export const CONTENDED: u32 = 0x80000000;

/** Looks at a taken lock before sleeping for it. */
const SPINS: i32 = 100;

/** Takes the lock for `me`, however long that lasts. */
export function lockTake(at: usize, me: u32): void {
  for (let spin = 0; spin < SPINS; spin += 1) {
    if (atomic.load<u32>(at) == 0 && atomic.cmpxchg<u32>(at, 0, me) == 0) return;
  }
  while (true) {
    const owner = atomic.load<u32>(at);
    // Whoever has slept takes the lock with CONTENDED: others may sleep still.
    if (owner == 0) {
      if (atomic.cmpxchg<u32>(at, 0, me | CONTENDED) == 0) return;
    } else {
      lockSleep(at, owner, -1);
    }
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
