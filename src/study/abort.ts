// Ending a measurement from outside: whoever waits for a measuring process stops waiting at once.

/** The study was ended from outside. */
export class Aborted extends Error {}

/** The outcome of `work`, or Aborted as soon as the signal says so. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}); // Nobody waits for it after an abort.
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Aborted());
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
