// Settings for a bench that only has to run: tiny, alone, on a machine that nobody else uses.

import { fileURLToPath } from "node:url";
import type { Settings } from "../../bench/harness.js";

export function tiny(more: Partial<Settings> = {}): Settings {
  return {
    scale: "tiny",
    seed: 42,
    rounds: 2,
    maxRounds: 2,
    roundMs: 1,
    warmMs: 0,
    peerWarmMs: 0,
    sparks: [],
    npmPeers: false,
    install: false,
    traces: fileURLToPath(new URL("../golden/alloc", import.meta.url)),
    cpuTimes: () => ({ machine: 0, own: 0 }),
    note: () => {},
    ...more,
  };
}
