// What a user of the package downloads, against stated limits: `npm run size [-- --json]`. Fails when one is passed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { moduleGraph } from "./graph.mjs";

const KIB = 1024;

/** Largest sizes in bytes, gzipped. The wasm is in the main entry a second time, as base64, in both kinds. */
export const LIMITS = {
  "index.js": 136 * KIB,
  "spill/index.js": 28 * KIB,
  "wasm/shared.wasm": 12 * KIB,
  "wasm/private.wasm": 12 * KIB,
};

/** @returns {{ what: string, files: number, bytes: number, gzipBytes: number, limit: number }[]} */
export function sizes() {
  const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
  return Object.entries(LIMITS).map(([what, limit]) => {
    const file = join(dist, what);
    const files = what.endsWith(".js") ? moduleGraph(file).files : [file];
    const contents = Buffer.concat(files.map((each) => readFileSync(each)));
    return { what, files: files.length, bytes: contents.length, gzipBytes: gzipSync(contents).length, limit };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const row of sizes()) {
    const { what, files, bytes, gzipBytes, limit } = row;
    if (gzipBytes > limit) process.exitCode = 1;
    if (process.argv.includes("--json")) console.log(JSON.stringify(row));
    else {
      const verdict = gzipBytes > limit ? "TOO LARGE, limit" : "of at most";
      console.log(
        `${what.padEnd(20)} ${String(files).padStart(3)} files ${String(bytes).padStart(8)} bytes ${String(gzipBytes).padStart(7)} gzipped, ${verdict} ${limit}`,
      );
    }
  }
}
