// All traces of a folder on all contenders: `node run.js FOLDER [ROUNDS]`, where FOLDER holds wee_alloc/, malloc-bench/
// and android/. The table goes to standard output.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Adapter, arenaAdapter, thingAdapter, tlsfAdapter } from "./adapters.js";
import { allocBench } from "./bench.js";

const FORMATS = { wee_alloc: "wee", "malloc-bench": "malloc-bench", android: "android" } as const;

const [folder = ".", rounds = "5", only = ""] = process.argv.slice(2);
const thing = await thingAdapter("6.1.150", 2 ** 29, process.env["THING_MALLOC"] ?? "@thi.ng/malloc");
const adapters = [arenaAdapter("own"), await tlsfAdapter(), thing].filter((a): a is Adapter => a !== null);
if (thing === null) console.log("@thi.ng/malloc is not installed");

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

for (const [room, format] of Object.entries(FORMATS)) {
  if (!existsSync(join(folder, room))) continue;
  for (const name of readdirSync(join(folder, room))) {
    if (!name.includes(only)) continue;
    const { operations, results } = allocBench(join(folder, room, name), format, Number(rounds), adapters);
    const cells = results.map(({ opsPerSecond, utilisation, note }) =>
      utilisation === null
        ? note
        : `${(median(opsPerSecond) / 1e6).toFixed(1)} M/s ${(utilisation * 100).toFixed(3)} %`,
    );
    console.log(`${name.padEnd(30)} ${String(operations).padStart(8)}  ${cells.join("  |  ")}`);
  }
}
