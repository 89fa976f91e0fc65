import { test, expect } from "vitest";
import { readdirSync } from "node:fs";
import { openRecorded } from "../../src/cli/lines.js";
import { writeCauses } from "../../src/why/replay.js";
import { CauseReader } from "../../src/why/reader.js";
const dir = new URL("../golden/", import.meta.url);
test("all", async () => {
  for (const f of readdirSync(dir).filter((f) => /^\d+\.\d+\.\d+-[a-z]+-\d+\.jsonl\.gz$/.test(f))) {
    const reader = new CauseReader("x");
    const kinds: Record<string, number> = {};
    let bytes = 0;
    const r = await writeCauses(await openRecorded(new URL(f, dir).pathname), (b) => {
      bytes += b.length;
      for (const row of reader.feed(b.slice())) for (const fact of row.facts) {
        kinds[fact.kind] = (kinds[fact.kind] ?? 0) + 1;
        if (fact.cause === 0 && !["asked", "wanted"].includes(fact.kind)) kinds["unknown " + fact.kind] = (kinds["unknown " + fact.kind] ?? 0) + 1;
      }
    });
    reader.finish();
    console.log(f, r, bytes, JSON.stringify(kinds));
  }
}, 100000);
