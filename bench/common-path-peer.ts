// The process that knows of no recorder: it has never loaded one.
//
//   common-path-peer PAIRS

import { cpuRound, openPairs } from "./common-path.js";
import { answerLines } from "./peer-lines.js";

const pairs = Number(process.argv[2]);
const executor = openPairs();

await answerLines("no recorder", {
  warm() {
    cpuRound(executor, pairs);
  },
  round: () => cpuRound(executor, pairs),
});
