// Every workload in both modes against its reference, and whether the need is what is needed: with it nothing spills, with a
// part of it something does.

import { expect, test } from "vitest";
import { openExecutor } from "../../src/executor.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { openSpillStore } from "../../src/spill/index.js";
import { answerOf } from "../../src/study/grid/reference.js";
import { makeRows, needOf } from "../../src/study/grid/rows.js";
import { ALL, type Setting, settingsOf, WORKLOADS } from "../../src/study/grid/setting.js";
import { cellConf } from "../../src/study/grid/visit.js";
import { BatchClock, timeAcquires } from "../../src/study/grid/work.js";
import { DO } from "../../src/study/grid/workloads.js";
import { Histogram } from "../../src/study/histogram.js";

const DATA_BYTES = 2 ** 20;
const SEED = 11;

function once(setting: Setting, mode: typeof ON_HEAP | typeof OFF_HEAP) {
  const executor = openExecutor({ conf: cellConf(setting, mode, DATA_BYTES), cores: setting.cores });
  expect(executor.mode).toBe(mode);
  let shortGrants = 0;
  executor.manager.observer = { shortGrant: () => (shortGrants += 1) };
  const runs = openSpillStore();
  const task = executor.task(0);
  const acquires = new Histogram();
  const batches = new BatchClock();
  const stop = timeAcquires(task, acquires);
  try {
    const table = makeRows(setting, DATA_BYTES, SEED, 0);
    const desk = { executor, task, runs, table, acquires, batches, beforeEnd: () => {} };
    const done = DO[setting.workload](desk);
    expect(executor.check()).toEqual([]);
    expect(runs.counters.liveFiles).toBe(0);
    const { executionUsed, storageUsed } = executor.manager;
    expect([executor.store.size, executionUsed, storageUsed]).toEqual([0, 0, 0]);
    return { ...done, pressure: shortGrants + done.pressed, table, acquires, batches };
  } finally {
    stop();
    executor.endTask(0);
    runs.close();
  }
}

const settings = settingsOf({ ...ALL, cores: [1], ballastBytes: [0] });

test.each(WORKLOADS)("%s answers as its reference under every budget, in both modes", (workload) => {
  const answers = new Map<number, string>();
  for (const setting of settings.filter((one) => one.workload === workload)) {
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const { hash, spills, pressure, peakBytes, table, acquires, batches } = once(setting, mode);
      let answer = answers.get(setting.recordBytes);
      if (answer === undefined) answers.set(setting.recordBytes, (answer = answerOf(workload, table)));
      const where = `${JSON.stringify(setting)} mode ${mode}`;
      expect(hash, where).toBe(answer);
      expect([spills > 0, pressure > 0], where).toEqual(setting.share === 1 ? [false, false] : [true, true]);
      expect(peakBytes, where).toBeLessThanOrEqual(needOf(setting, DATA_BYTES) / setting.share);
      if (setting.share === 1) expect(peakBytes, where).toBeGreaterThan(needOf(setting, DATA_BYTES) / 3);
      expect(acquires.total).toBeGreaterThan(0);
      expect(batches.histogram.total).toBeGreaterThan(0);
    }
  }
  expect(new Set(answers.values()).size).toBe(answers.size);
});

test("rows are the same for a seed, and others for another task", () => {
  const setting: Setting = { workload: "sort", share: 4, recordBytes: 16, cores: 2, ballastBytes: 0 };
  const hash = (seed: number, task: number): string => answerOf("scan", makeRows(setting, 4096, seed, task));
  expect(hash(1, 0)).toBe(hash(1, 0));
  expect(new Set([hash(1, 0), hash(1, 1), hash(2, 0), hash(2, 1)]).size).toBe(4);
});
