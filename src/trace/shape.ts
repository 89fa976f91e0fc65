// What a line of a trace may hold: small checks with words for them, and shapes, which are fields with a check each. A shape
// picks its own fields out of an object, so that unknown ones are ignored.

/** A check and what it wants, in words that end "must be ...". */
export type Check = readonly [holds: (value: unknown) => boolean, wants: string];

export type Shape = Readonly<Record<string, Check>>;

/** Says what is wrong; never returns. */
export type Fail = (message: string) => never;

export const COUNT: Check = [isCount, "a whole number below 2^53"];
export const INTEGER: Check = [(value) => Number.isSafeInteger(value), "an integer"];
export const TEXT: Check = [(value) => typeof value === "string" && value.length > 0, "a name"];
export const FLAG: Check = [(value) => typeof value === "boolean", "true or false"];
export const TRUE: Check = [(value) => value === true, "true"];

/** One of some words. */
export function oneOf(...words: readonly string[]): Check {
  return [(value) => words.includes(value as string), words.join(" or ")];
}

export function orNull([holds, wants]: Check): Check {
  return [(value) => value === null || holds(value), `${wants}, or null`];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The fields of a shape from `value`, each of which must be there and pass its check. `what` names the object. */
export function pick(value: unknown, shape: Shape, what: string, fail: Fail): Record<string, unknown> {
  if (!isObject(value)) return fail(`${what} must be an object, not ${shown(value)}`);
  const picked: Record<string, unknown> = {};
  for (const field in shape) {
    if (!Object.hasOwn(value, field)) fail(`${what}: ${field} is missing`);
    const [holds, wants] = shape[field]!;
    if (!holds(value[field])) fail(`${what}: ${field} must be ${wants}, not ${shown(value[field])}`);
    picked[field] = value[field];
  }
  return picked;
}

/** A value in a message, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
