// The process that knows of no recorder: it has never loaded one.
//
//   common-path-peer PAIRS

import { openPairs, pairsOn } from "./common-path.js";
import { answerLines } from "./peer-lines.js";
import { blocksPerSample, timeBlocks } from "./timer.js";

const pairs = Number(process.argv[2]);
const executor = openPairs();
const block = (): number => pairsOn(executor, pairs);
let blocks = 1;

await answerLines("no recorder", {
  warm(seconds) {
    const end = performance.now() + seconds * 1000;
    do block();
    while (performance.now() < end);
    blocks = blocksPerSample(block);
  },
  round(seconds) {
    const { nsPerOp, hash } = timeBlocks(block, pairs, blocks, seconds * 1000);
    return { ops: 1, seconds: nsPerOp / 1e9, hash };
  },
});
