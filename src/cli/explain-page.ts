// `explain FILE --html OUT`: the page of a recording, and its raw rows beside it.

import { basename } from "node:path";
import { Digest } from "../report/recording/digest.js";
import { recordingPage, verdict } from "../report/recording/page.js";
import { openCauses } from "./causes.js";
import { writeBeside } from "./page-beside.js";

/**
 * Writes the page of the recording `file` to `out` and says in a line what is in it. A recording that lies elsewhere is copied
 * beside the page. Throws Malformed or Unreadable for the recording, Unwritable for the page; then nothing is left behind.
 */
export async function writePage(file: string, out: string): Promise<string> {
  const digest = new Digest();
  const causes = await openCauses(file);
  let begun = false;
  for await (const lines of causes.rows) {
    if (!begun && causes.header !== null) {
      digest.begin(causes.header);
      begun = true;
    }
    for (const line of lines) digest.add(line);
  }
  digest.end();
  const { different } = causes;
  writeBeside(file, out, (raw) =>
    recordingPage({ file: basename(file), raw, header: causes.header!, different }, digest),
  );
  return `${out}: ${verdict(digest)}`;
}
