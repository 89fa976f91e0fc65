// How long commands end when their user wants an end: they are told, write down what they have, and say so in the exit code.

/** Interrupted; what is complete has been written. */
export const EXIT_INTERRUPTED = 130;

const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs `work` with a signal that is raised when the user wants an end. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const name of ENDING) process.on(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of ENDING) process.off(name, abort);
  }
}
