// What somebody meant who has written a name that there is not.

/** Letters to insert, delete, replace or swap with the neighbour. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(next[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      next.push(cost);
    }
    [before, last] = [last, next];
  }
  return last[b.length]!;
}

/** The name that was probably meant, or null when none is near: a third of its letters at most may be wrong, however they are cased. */
export function closest(written: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const name of names) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance < least) [best, least] = [name, distance];
  }
  return best !== null && least <= Math.max(1, Math.floor(best.length / 3)) ? best : null;
}

/** `no WHAT "written": did you mean NAME?`, or all names where none is near. */
export function unknownName(what: string, written: string, names: readonly string[]): string {
  const meant = closest(written, names);
  const hint = meant === null ? `there are ${names.join(", ")}` : `did you mean ${meant}?`;
  return `no ${what} "${written}": ${hint}`;
}
