// Numbers as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * `64.0 MiB`, `1.5 KiB`, `17 B`: one decimal, powers of 1024.
 *
 * @example
 * ```ts
 * import { humanBytes } from "tungsten-memory";
 *
 * console.log(humanBytes(64 * 2 ** 20), humanBytes(1536), humanBytes(17)); // 64.0 MiB 1.5 KiB 17 B
 * ```
 */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]!}`;
}
