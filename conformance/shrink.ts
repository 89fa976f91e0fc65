// Makes a failing file short: requests are left out, Spark is asked again, and what still shows the same difference is kept.

import { endLine } from "../src/trace/write.js";
import { check, type Difference } from "./check.js";
import type { Oracle } from "./spark.js";

/** How often Spark is asked at most. */
const MOST_ATTEMPTS = 300;

type Request = Record<string, unknown>;

/**
 * The recording of fewer requests that show the same difference, or null when the difference does not show again. `asked`:
 * header, requests, last line.
 */
export async function shorten(
  asked: readonly string[],
  difference: Difference,
  oracle: Oracle,
): Promise<string[] | null> {
  const header = asked[0]!;
  const requests = asked.slice(1, -1).map((line) => JSON.parse(line) as Request);
  let best: string[] | null = null;
  const fails = async (some: readonly Request[]): Promise<boolean> => {
    const recorded = await oracle.answer([header, ...some.map(numbered), endLine(some.length)]);
    const again = (await check("shorter", recorded)).difference;
    if (again?.what !== difference.what) return false;
    best = [...recorded.lines];
    return true;
  };
  const upTo = requests.slice(0, Math.max(1, difference.row));
  if (!(await fails(upTo))) return null;
  await smallest(upTo, groupOf, fails, MOST_ATTEMPTS);
  return best;
}

/** Vectors have no numbers. */
function numbered(request: Request, at: number): string {
  return JSON.stringify("vector" in request ? request : { ...request, i: at + 1 });
}

/** What is best left out together. */
function groupOf(request: Request): unknown {
  return request["task"] ?? request["block"] ?? request["component"];
}

/**
 * A list from which nothing can be left out any more, or as far as `attempts` go: first all items of a group together, then
 * pieces, halves to single ones. `fails` says of a list whether it still shows what is looked for; it holds for `items`.
 */
export async function smallest<T>(
  items: readonly T[],
  group: (item: T) => unknown,
  fails: (items: readonly T[]) => Promise<boolean>,
  attempts: number,
): Promise<readonly T[]> {
  let kept = items;
  const tried = { times: 0 };
  const without = async (drop: (item: T, at: number) => boolean): Promise<boolean> => {
    const fewer = kept.filter((item, at) => !drop(item, at));
    if (tried.times >= attempts || fewer.length === kept.length || fewer.length === 0) return false;
    tried.times += 1;
    if (!(await fails(fewer))) return false;
    kept = fewer;
    return true;
  };
  for (const each of new Set(items.map(group))) if (each !== undefined) await without((item) => group(item) === each);
  for (let size = Math.ceil(kept.length / 2); size >= 1 && tried.times < attempts;) {
    let any = false;
    // From the end: what stands there hangs on what stands before it, and not the other way round.
    for (let from = kept.length - size; from > -size && tried.times < attempts; from -= size) {
      const start = Math.max(0, from);
      const end = from + size;
      any = (await without((_, at) => at >= start && at < end)) || any;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!any) break;
  }
  return kept;
}
