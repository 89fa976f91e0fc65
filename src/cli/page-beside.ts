// A page beside the file that it was made from, which holds the raw rows.

import { copyFileSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { Refusal } from "../fault.js";

/** A page that cannot be written. */
export class Unwritable extends Refusal {
  override readonly name = "Unwritable";
}

/**
 * Writes the page that `page` makes for the name of the raw file beside it. A file that lies elsewhere is copied beside the page.
 * Throws Unwritable; then nothing is left behind.
 */
export function writeBeside(file: string, out: string, page: (raw: string) => string): void {
  const made: string[] = [];
  try {
    const raw = rawBeside(file, out, made);
    if (!existsSync(out)) made.push(out);
    writeFileSync(out, page(raw));
  } catch (cause) {
    for (const each of made) rmSync(each, { force: true });
    throw new Unwritable(`--html ${out}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
}

/** The name of the raw rows beside the page, which are put there where they are not. */
function rawBeside(file: string, out: string, made: string[]): string {
  const page = resolve(out);
  if (resolve(file) === page) throw new Error("is the recording itself");
  if (dirname(resolve(file)) === dirname(page)) return basename(file);
  if (!statSync(file).isFile()) throw new Error(`${file} is no file that could be put beside it`);
  const raw = `${basename(page, extname(page))}.${basename(file)}`;
  const path = join(dirname(page), raw);
  if (!existsSync(path)) made.push(path);
  copyFileSync(file, path);
  return raw;
}
