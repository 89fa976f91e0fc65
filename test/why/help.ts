// What the tests of this room share: an executor of a stated size, a recording in memory, and what was recorded read back.

import { Consumer } from "../../src/execution/consumer.js";
import { type Executor, type ExecutorOptions, openExecutor } from "../../src/executor.js";
import type { Fact, FactKind, FactOf } from "../../src/why/facts.js";
import { type CausedRow, CauseReader } from "../../src/why/reader.js";
import { CauseRecorder } from "../../src/why/recorder.js";
import { Story } from "../../src/why/story.js";
import { sentence } from "../../src/why/tell.js";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** 1000 bytes on-heap, half of them storage's; 500 off-heap. */
export const SMALL: ExecutorOptions = {
  conf: {
    "spark.testing.memory": "1000",
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.memory.offHeap.size": "500",
    "spark.buffer.pageSize": "64",
  },
  collector: "other",
  pages: "accounts",
};

/** Spills all it holds. */
export class Holder extends Consumer {
  spill(): number {
    const freed = this.used;
    this.freeMemory(freed);
    return freed;
  }
}

/** Spills nothing. */
export class Stubborn extends Consumer {
  spill(): number {
    return 0;
  }
}

export interface Recording {
  readonly bytes: Uint8Array;
  readonly rows: readonly CausedRow[];
  readonly facts: readonly Fact[];
  readonly story: Story;
  /** Sentences of the facts of these kinds, in order. */
  readonly told: (...kinds: FactKind[]) => string[];
  readonly of: <K extends FactKind>(kind: K) => FactOf<K>[];
}

/** Records what `run` does to a new executor. */
export async function recorded(
  run: (executor: Executor) => Promise<void> | void,
  options: ExecutorOptions = SMALL,
): Promise<Recording> {
  const executor = openExecutor(options);
  const parts: Uint8Array[] = [];
  const recorder = new CauseRecorder(executor, (bytes) => parts.push(bytes.slice()));
  await run(executor);
  recorder.end();
  return read(Buffer.concat(parts));
}

/** What a recording says, fed to the reader in pieces of `pieceBytes`. */
export function read(bytes: Uint8Array, pieceBytes: number = bytes.length): Recording {
  const reader = new CauseReader("run.causes");
  const rows: CausedRow[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) rows.push(...reader.feed(bytes.subarray(at, at + pieceBytes)));
  reader.finish();
  const story = new Story();
  const facts = [...rows.flatMap((row) => row.facts), ...reader.facts];
  story.add(facts);
  return {
    bytes,
    rows,
    facts,
    story,
    told: (...kinds) => facts.filter(({ kind }) => kinds.includes(kind)).map((fact) => sentence(fact, story.known)),
    of: <K extends FactKind>(kind: K) => facts.filter((fact) => fact.kind === kind) as unknown as FactOf<K>[],
  };
}
