// Threads that make the rounds of a bench together: from the build, or from the source where tests run the benches as they are
// written.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Contender, OURS, type Reading, type Settings } from "./harness.js";

/** Starts the file `name` beside the benches as a thread. */
export function threadOf(name: string, workerData: object): Worker {
  const entry = new URL(`./${name}.js`, import.meta.url);
  if (import.meta.url.endsWith(".js")) return new Worker(entry, { workerData });
  const source = JSON.stringify(entry.href.replace(/js$/, "ts"));
  const start = `import("tsx/esm/api").then((tsx) => (tsx.register(), import(${source})))`;
  return new Worker(start, { eval: true, workerData });
}

/** What the thread says next; where it fails, its error. */
export async function answerOf<T>(thread: Worker): Promise<T> {
  const [answer] = await once(thread, "message");
  return answer as T;
}

/** The contender that they are. */
export function threaded(
  settings: Settings,
  name: string,
  threads: readonly Worker[],
  round: () => Promise<Reading>,
): Contender {
  return {
    name,
    version: OURS,
    async warm() {
      const end = performance.now() + settings.warmMs;
      do await round();
      while (performance.now() < end);
    },
    round,
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}
