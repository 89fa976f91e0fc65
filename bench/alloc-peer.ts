// The process that replays a trace on an allocator of somebody else.
//
//   alloc-peer tlsf|thi.ng FORMAT FILE PATIENCE_MS

import { thingAdapter, tlsfAdapter } from "./alloc/adapters.js";
import { openReplays, readTraceFile } from "./alloc-replays.js";
import { peerRequire, peerVersion, THING_MALLOC } from "./npm-peers.js";
import { answerLines, sayAbsent } from "./peer-lines.js";
import type { TraceFormat } from "../src/alloc-trace/trace.js";

const [who, format, file, patienceMs] = process.argv.slice(2) as [string, TraceFormat, string, string];
const adapter =
  who === "tlsf"
    ? await tlsfAdapter()
    : await thingAdapter(peerVersion(THING_MALLOC), 2 ** 29, peerRequire().resolve(THING_MALLOC));
if (adapter === null) sayAbsent(`${who} cannot be imported`);
const round = openReplays(readTraceFile(file, format), adapter, Number(patienceMs));
if ("absent" in round) sayAbsent(round.absent);

await answerLines(who, {
  warm(seconds) {
    const end = performance.now() + seconds * 1000;
    do round(0);
    while (performance.now() < end);
  },
  round: (seconds) => round(seconds * 1000),
});
