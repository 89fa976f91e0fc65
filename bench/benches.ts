// Every bench by name, loaded when it is run.

import type { Bench } from "./harness.js";

export const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  acquire: async () => (await import("./acquire.bench.js")).acquire,
  contention: async () => (await import("./contention.bench.js")).contention,
  tmm: async () => (await import("./tmm.bench.js")).tmm,
  page: async () => (await import("./page.bench.js")).page,
  radix: async () => (await import("./radix.bench.js")).radix,
  store: async () => (await import("./store.bench.js")).store,
  eviction: async () => (await import("./eviction.bench.js")).eviction,
  evict: async () => (await import("./evict.bench.js")).evict,
  arena: async () => (await import("./arena.bench.js")).arena,
  policy: async () => (await import("./policy.bench.js")).policy,
  "shared-arena": async () => (await import("./shared-arena.bench.js")).sharedArena,
  replay: async () => (await import("./replay.bench.js")).replay,
  simulator: async () => (await import("./simulator.bench.js")).simulator,
  recorder: async () => (await import("./recorder.bench.js")).recorder,
  report: async () => (await import("./report.bench.js")).report,
  spill: async () => (await import("./spill.bench.js")).spill,
  map: async () => (await import("./map.bench.js")).map,
  sort: async () => (await import("./sort.bench.js")).sort,
};
