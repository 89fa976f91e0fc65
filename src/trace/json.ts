// JSON whose integers keep all 64 bits. Recorded numbers reach 2^63, where a double would round them silently; on the way in
// such integers become BigInts, on the way out BigInts become plain integers.

import { Refusal } from "../fault.js";

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** A field that is missing or is not what it should be. */
export class BadField extends Refusal {
  override readonly name = "BadField";
}

/** Reads one JSON text. Integers beyond the safe ones become BigInts. Throws SyntaxError as `JSON.parse` does. */
export function parseJson(text: string): Json {
  const plain = JSON.parse(text) as Json;
  return /\d{16}/.test(text) ? exact(text) : plain;
}

/** Writes one JSON text on one line; BigInts as integers, fields that are undefined left out. */
export function formatJson(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(formatJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${formatJson(field)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** The same value, integers compared as integers whatever holds them. */
export function sameJson(a: Json, b: Json): boolean {
  return formatJson(a) === formatJson(b);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object in field `name`. */
export function objectField(of: JsonObject, name: string): JsonObject {
  const value = present(of, name);
  if (!isObject(value)) throw new BadField(`field "${name}" must be an object`);
  return value;
}

/** The text in field `name`. */
export function textField(of: JsonObject, name: string): string {
  const value = present(of, name);
  if (typeof value !== "string") throw new BadField(`field "${name}" must be a text`);
  return value;
}

/** The truth value in field `name`. */
export function booleanField(of: JsonObject, name: string): boolean {
  const value = present(of, name);
  if (typeof value !== "boolean") throw new BadField(`field "${name}" must be true or false`);
  return value;
}

/** The integer in field `name`, 64 bits. */
export function longField(of: JsonObject, name: string): bigint {
  return asLong(present(of, name), name);
}

/** The integer in field `name`, which must be a safe one. */
export function integerField(of: JsonObject, name: string): number {
  const value = present(of, name);
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new BadField(`field "${name}" must be an integer below 2^53`);
  }
  return value;
}

/** The list of integers in field `name`, 64 bits each. */
export function longsField(of: JsonObject, name: string): bigint[] {
  const value = present(of, name);
  if (!Array.isArray(value)) throw new BadField(`field "${name}" must be a list of integers`);
  return (value as readonly Json[]).map((item) => asLong(item, name));
}

/** The object of texts in field `name`, as configurations are written. */
export function textsField(of: JsonObject, name: string): Record<string, string> {
  const fields = objectField(of, name);
  return Object.fromEntries(Object.keys(fields).map((key) => [key, textField(fields, key)]));
}

function present(of: JsonObject, name: string): Json {
  if (!Object.hasOwn(of, name)) throw new BadField(`field "${name}" is missing`);
  return of[name]!;
}

function asLong(value: Json, name: string): bigint {
  const long = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value as number) : null;
  if (long === null || BigInt.asIntN(64, long) !== long)
    throw new BadField(`field "${name}" must hold 64-bit integers`);
  return long;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

/** Builds a text that is known to be JSON from its tokens, integers exact. */
function exact(text: string): Json {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;
  const build = (): Json => {
    const token = tokens[at++]!;
    if (token === "[") {
      const items: Json[] = [];
      while (tokens[at] !== "]") {
        if (tokens[at] === ",") at += 1;
        else items.push(build());
      }
      at += 1;
      return items;
    }
    if (token === "{") {
      const fields: [string, Json][] = [];
      while (tokens[at] !== "}") {
        if (tokens[at] === ",") at += 1;
        const name = JSON.parse(tokens[at]!) as string;
        at += 2;
        fields.push([name, build()]);
      }
      at += 1;
      return Object.fromEntries(fields);
    }
    const plain = JSON.parse(token) as Json;
    return /^-?\d+$/.test(token) && !Number.isSafeInteger(plain) ? BigInt(token) : plain;
  };
  return build();
}
