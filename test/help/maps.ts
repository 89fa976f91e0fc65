// Hash maps over every kind of memory they may lie in, a model of one, and a store that fails when it is told to.

import type { MapRecord } from "../../src/execution/map-table.js";
import { TaskMemoryManager } from "../../src/execution/task.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { createArenas } from "../../src/memory/arena-set.js";
import type { SpillStore } from "../../src/spill/contract.js";

/** On-heap pages; off-heap pages in one arena, where kernels run; off-heap pages in many small arenas, where none can. */
export const MEMORIES = ["onHeap", "offHeap", "offHeap, many arenas"] as const;
export type MemoryKind = (typeof MEMORIES)[number];

export function executor(kind: MemoryKind, totalBytes: number, pageBytes: number): Executor {
  return openExecutor({
    conf: {
      "spark.testing.memory": String(kind === "onHeap" ? totalBytes : 1_000_000),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0",
      "spark.buffer.pageSize": String(pageBytes),
      "spark.unsafe.exceptionOnMemoryLeak": "true",
      ...(kind === "onHeap"
        ? {}
        : { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": String(totalBytes) }),
    },
  });
}

/** A task of `host`; with many arenas, which an executor has for budgets of many GiB only, one that it does not know. */
export function taskOf(host: Executor, kind: MemoryKind, id = 1, arenaBytes?: number): TaskMemoryManager {
  if (kind !== "offHeap, many arenas") return host.task(id);
  const { manager, spillOrder, numbers } = host;
  const limitBytes = numbers.offHeap.total;
  const allocator = createArenas({
    limitBytes,
    arenaBytes: arenaBytes ?? Math.max(2 ** 16, Math.ceil(limitBytes / 3)),
  });
  return new TaskMemoryManager({ id, manager, allocator, pageBytes: numbers.pageBytes, spillOrder });
}

/** Bytes as a word to compare and to look up by. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Key and value of a record, as words. */
export function pair(at: MapRecord): [key: string, value: string] {
  const { u8 } = at.views;
  return [
    text(u8.slice(at.keyOffset, at.keyOffset + at.keyBytes)),
    text(u8.slice(at.valueOffset, at.valueOffset + at.valueBytes)),
  ];
}

/** A store that calls `step` before whatever would touch a disk: "create", "write", "finish", "open" or "read". */
export function failing(store: SpillStore, step: (what: string) => void): SpillStore {
  return {
    ...store,
    create(schema, bytes) {
      step("create");
      const writer = store.create(schema, bytes);
      const stepping = (what: string): void => {
        try {
          step(what);
        } catch (error) {
          writer.abort();
          throw error;
        }
      };
      return {
        maxBlockBytes: writer.maxBlockBytes,
        writeBlock(source, offset, length, records) {
          stepping("write");
          writer.writeBlock(source, offset, length, records);
        },
        finish() {
          stepping("finish");
          const run = writer.finish();
          return {
            ...run,
            open() {
              step("open");
              const reader = run.open();
              return {
                maxBlockBytes: reader.maxBlockBytes,
                get recordsInBlock() {
                  return reader.recordsInBlock;
                },
                readBlock(target, offset) {
                  step("read");
                  return reader.readBlock(target, offset);
                },
                close: () => reader.close(),
              };
            },
            delete: () => run.delete(),
          };
        },
        abort: () => writer.abort(),
      };
    },
  };
}
