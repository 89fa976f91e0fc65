// `explain FILE --html OUT`: the page of a recording, and its raw rows beside it.

import { copyFileSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { Refusal } from "../fault.js";
import { Digest } from "../report/recording/digest.js";
import { recordingPage, verdict } from "../report/recording/page.js";
import { openCauses } from "./causes.js";

/** A page that cannot be written. */
export class Unwritable extends Refusal {
  override readonly name = "Unwritable";
}

/**
 * Writes the page of the recording `file` to `out` and says in a line what is in it. A recording that lies elsewhere is copied
 * beside the page. A raised signal ends the reading: the page is of the rows until then. Throws Malformed or Unreadable for the recording, Unwritable for the page; then nothing is left behind.
 */
export async function writePage(file: string, out: string, signal?: AbortSignal): Promise<string> {
  const digest = new Digest();
  const causes = await openCauses(file);
  let begun = false;
  for await (const lines of causes.rows) {
    if (!begun && causes.header !== null) {
      digest.begin(causes.header);
      begun = true;
    }
    for (const line of lines) digest.add(line);
    if (signal?.aborted && begun) break;
  }
  digest.end();
  const { different } = causes;
  const made: string[] = [];
  try {
    const raw = rawBeside(file, out, made);
    if (!existsSync(out)) made.push(out);
    writeFileSync(out, recordingPage({ file: basename(file), raw, header: causes.header!, different }, digest));
  } catch (cause) {
    for (const each of made) rmSync(each, { force: true });
    throw new Unwritable(`--html ${out}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
  return `${out}: ${verdict(digest)}`;
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
