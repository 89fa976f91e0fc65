// A process that spills and then ends in the way its arguments name. Started by life.test.ts.

import { openSpillStore, removeSpillFilesOnSignals } from "../../src/spill/index.js";

const [directory, end] = process.argv.slice(2) as [string, string];
const store = openSpillStore({ directory });
const writer = store.create({ kind: "test", version: 1, fields: "" });
writer.writeBlock(new Uint8Array(1000), 0, 1000, 1);
const run = writer.finish();
run.open();
store.create({ kind: "test", version: 1, fields: "" }).writeBlock(new Uint8Array(10), 0, 10, 1);

if (end === "signals") removeSpillFilesOnSignals();
if (end === "own listener") {
  removeSpillFilesOnSignals();
  process.on("SIGTERM", () => setTimeout(() => process.exit(7), 20));
}
process.stdout.write("ready\n");
switch (end) {
  case "throw":
    throw new Error("uncaught");
  case "reject":
    await Promise.reject(new Error("unhandled"));
    break;
  case "exit":
    process.exit(3);
    break;
  case "return":
    break;
  default:
    setInterval(() => {}, 1000);
}
