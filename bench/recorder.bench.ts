// What it costs to have a recorder, and to use it. Off, nothing of it is on the way of a request: the figures are those of a
// program that has never loaded one. On, a row is a few bytes in a buffer.

import { closeSync, openSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { cpuRound, openPairs, pairsOn } from "./common-path.js";
import { inFolder } from "./folder.js";
import {
  below,
  type Bench,
  type Case,
  NS_PER_PAIR,
  OURS,
  parameter,
  type Settings,
  type Unit,
  whole,
} from "./harness.js";
import { fold } from "./hash.js";
import { executorOf } from "./manager.js";
import { linePeer } from "./spark.js";
import type { Executor } from "../src/executor.js";
import { ON_HEAP } from "../src/memory/mode.js";
import { rddBlock } from "../src/storage/block.js";
import { Recorder } from "../src/trace/recorder.js";
import { CauseRecorder } from "../src/why/recorder.js";

const NS_PER_ROW: Unit = { text: "ns/row", better: "lower", of: ({ ops, seconds }) => (seconds * 1e9) / ops };
const GOAL_NS = 150;

export const recorder: Bench = {
  name: "recorder",
  about:
    "`off`: acquireExecution + releaseExecution of 1 MiB, never short, with the recorders loaded and nobody recorded; the peer is a " +
    "process that has not loaded one. `off, beside`: another executor in the process is recorded, so that the same call has two targets, as with any method " +
    "put on one of two executors. All by CPU time. `on`: what recording adds to a row, over the same calls without it: a pair is two rows; `evictions`: a put that evicts one block, which is a row and two facts; `short`: a request that is " +
    "granted nothing, which is a row and two facts; `JSON`: the same pair with the recorder that writes lines of text.",
  bound:
    "the state of both modes is compared with that of the row before, eight numbers, and what has changed is written.",
  cases: (settings) => [
    off(settings, "off, pairs", false),
    off(settings, "off, beside", true),
    pairs(settings, "on, pairs", (executor) => void new CauseRecorder(executor, () => {})),
    toDisk(settings),
    shortage(settings),
    evictions(settings),
    pairs(settings, "JSON, pairs", (executor) => void new Recorder(executor, () => {})),
  ],
};

function off(settings: Settings, name: string, beside: boolean): Case {
  const count = parameter(settings, 100, 5_000_000, 2_000_000);
  return {
    name,
    unit: NS_PER_PAIR,
    goal: () =>
      beside ? null : { text: "within 1.1 x", reached: (row) => row.ratio !== null && row.ratio >= 1 / 1.1 },
    ours() {
      if (beside)
        pairsOn(
          openPairs((executor) => void new CauseRecorder(executor, () => {})),
          1000,
        );
      const executor = openPairs();
      return whole(settings, "ours", OURS, () => cpuRound(executor, count));
    },
    peers: settings.npmPeers
      ? [
          () =>
            linePeer(
              "no recorder",
              OURS,
              process.execPath,
              [fileURLToPath(new URL("./common-path-peer.js", import.meta.url)), String(count)],
              settings,
            ),
        ]
      : [],
  };
}

/** Rounds of calls with a recorder and without it in turn: what a row costs is the difference. */
function added(
  settings: Settings,
  name: string,
  rowsPerRound: number,
  make: (on: boolean) => () => number,
  close: () => void = () => {},
): Case {
  return {
    name,
    unit: NS_PER_ROW,
    goal: () => below(GOAL_NS),
    ours() {
      const [plain, recorded] = [make(false), make(true)];
      const contender = whole(settings, "ours", OURS, () => {
        const hash = plain();
        const start = process.cpuUsage();
        const same = plain();
        const middle = process.cpuUsage();
        const other = recorded();
        const end = process.cpuUsage();
        if (same !== hash || other !== hash) throw new Error("recording has changed an answer");
        const spent = (a: NodeJS.CpuUsage, b: NodeJS.CpuUsage): number => (b.user + b.system - a.user - a.system) / 1e6;
        const without = spent(start, middle);
        const withIt = spent(middle, end);
        return {
          ops: rowsPerRound,
          // A tiny round may come out below the clock's grain.
          seconds: Math.max(1e-9, withIt - without),
          hash,
          more: { "ns without": (without * 1e9) / rowsPerRound, "ns with": (withIt * 1e9) / rowsPerRound },
        };
      });
      return { ...contender, close };
    },
    peers: [],
  };
}

function pairs(settings: Settings, name: string, record: (executor: Executor) => void): Case {
  const count = parameter(settings, 100, 2_000_000, 500_000);
  return added(settings, name, 2 * count, (on) => {
    const executor = openPairs(on ? record : undefined);
    return () => pairsOn(executor, count);
  });
}

function toDisk(settings: Settings): Case {
  const count = parameter(settings, 100, 2_000_000, 500_000);
  return {
    ...added(settings, "on, to disk", 1, () => () => 0),
    ours: () =>
      inFolder((folder) => {
        const file = openSync(join(folder, "run.causes"), "w");
        // The file is written over and over, so that a long bench fills no disk.
        const made = added(
          settings,
          "on, to disk",
          2 * count,
          (on) => {
            const executor = openPairs(
              on
                ? (each) => void new CauseRecorder(each, (bytes) => void writeSync(file, bytes, 0, bytes.length, 0))
                : undefined,
            );
            return () => pairsOn(executor, count);
          },
          () => closeSync(file),
        );
        return made.ours() as ReturnType<typeof whole>;
      }),
  };
}

/** A task that has all there is asks for more: every request is answered by a decision, with nothing. */
function shortage(settings: Settings): Case {
  const count = parameter(settings, 100, 500_000, 200_000);
  return added(settings, "on, short", 3 * count, (on) => {
    const executor = executorOf(ON_HEAP, 2 ** 30);
    if (on) void new CauseRecorder(executor, () => {});
    const { manager } = executor;
    manager.acquireExecution(2 ** 30, 0, ON_HEAP);
    return () => {
      let hash = 0;
      for (let i = 0; i < count; i += 1) hash = fold(hash, i + manager.acquireExecution(1 + (i & 1023), 0, ON_HEAP));
      return hash;
    };
  });
}

/** Each put takes the place of the oldest block. */
function evictions(settings: Settings): Case {
  const count = parameter(settings, 100, 300_000, 100_000);
  const blocks = 1000;
  return added(settings, "on, evictions", 3 * count, (on) => {
    const executor = executorOf(ON_HEAP, 2 ** 20);
    const { store } = executor;
    if (on) void new CauseRecorder(executor, () => {});
    // An observer of evictions belongs to both sides, so that both select blocks alike.
    else store.onEvict = () => {};
    let next = 0;
    const put = (): boolean => store.putAccount(rddBlock(next++ % 2 ** 26, 0), 1024);
    for (let filled = 0; filled < blocks + 100; filled += 1) put();
    return () => {
      let hash = 0;
      for (let i = 0; i < count; i += 1) hash = fold(hash, put() ? 1 : 0);
      return hash;
    };
  });
}
