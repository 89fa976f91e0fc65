// Records an embedder's own run in the binary form: every call as a row, as `Recorder` has them, and every denial, wait, wake,
// move of the boundary, eviction and spill as a fact with its cause. Methods are put on one executor while it lasts.

import { Misuse } from "../execution/refusal.js";
import type { Executor } from "../executor.js";
import { LocalLedger } from "../memory/ledger.js";
import { EntryLost } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { MUST_WAIT } from "../policy/policy.js";
import { type BlockId, canonical } from "../storage/block.js";
import { BlockExists, type Fate } from "../storage/store.js";
import { headerOfRun, hasWord } from "../trace/recorder.js";
import { refused } from "../trace/replay.js";
import { headerLine } from "../trace/write.js";
import { CODES, COUNT_TAG, COUNTS, FLAG_TAG, FLAGS, NO_BYTES, NOTHING, WAITS } from "./format.js";
import { Installed } from "./install.js";
import { writeResult } from "./rows.js";
import { Watch } from "./watch.js";
import { type CauseSink, CauseWriter } from "./writer.js";

const code = (op: string): number => CODES.get(op)!;
const counted = (name: (typeof COUNTS)[number]): number => COUNT_TAG + COUNTS.indexOf(name);
const flagged = (name: (typeof FLAGS)[number]): number => FLAG_TAG + 2 * FLAGS.indexOf(name);

const ACQUIRE = code("execAcquire");
const RETRY = code("retry");
const RELEASE = code("execRelease");
const GRANTED = counted("granted");

/**
 * Records an executor on which nothing has been asked yet, until `end`.
 *
 * @example
 * ```ts
 * import { openExecutor } from "tungsten-memory";
 * import { CauseRecorder } from "tungsten-memory/why";
 *
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * const recorder = new CauseRecorder(executor, (_bytes) => {}); // bytes to keep: the sink's array is used again
 * executor.manager.acquireExecution(2 ** 40, 1, 0);
 * recorder.end();
 * console.log(recorder.rows, recorder.facts > 0); // 1 true
 * ```
 */
export class CauseRecorder {
  readonly #executor: Executor;
  readonly #out: CauseWriter;
  readonly #watch: Watch;
  readonly #installed = new Installed();
  // Whether a recorded call is under way: what it calls is part of it.
  #within = false;

  /**
   * `bufferBytes`: how much is kept before `sink` gets it. Throws Misuse for an executor that has been used or is recorded
   * already, and for one that workers share: a worker does not see what the others do. A policy that is none of Spark's is named in the header; such a recording can be explained, but not verified.
   */
  constructor(executor: Executor, sink: CauseSink, bufferBytes?: number) {
    if (!(executor.manager.ledger instanceof LocalLedger))
      throw new Misuse("causes are recorded of an executor of one thread: a worker does not see what the others do");
    const header = headerOfRun(executor);
    const policy = hasWord(executor) ? {} : { policy: executor.manager.policy.name };
    this.#executor = executor;
    this.#out = new CauseWriter(JSON.stringify({ ...JSON.parse(headerLine(header)), ...policy }), sink, bufferBytes);
    this.#watch = new Watch(executor, this.#out);
    this.#recordExecution();
    this.#recordStorage();
    this.#recordStore();
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#out.rows;
  }

  /** Facts written so far. */
  get facts(): number {
    return this.#out.facts;
  }

  /** Hands on what is kept. */
  flush(): void {
    this.#out.flush();
  }

  /** Writes the end and leaves the executor as it was. A second call does nothing. */
  end(): void {
    if (!this.#installed.any) return;
    if (this.#within) throw new Misuse("a recording does not end within a call that it records");
    this.#installed.undo();
    this.#watch.end();
    this.#out.end();
  }

  // The calls of every record are written out field by field: they are the common path of a run that is recorded.
  #recordExecution(): void {
    const { manager } = this.#executor;
    const { regions } = manager;
    const out = this.#out;
    for (const [name, op] of [
      ["acquireExecution", ACQUIRE],
      ["retryExecution", RETRY],
    ] as const) {
      this.#installed.method(manager, name, (plain) => (bytes, task, mode) => {
        if (this.#within) return plain(bytes, task, mode);
        this.#within = true;
        let granted: number;
        try {
          granted = plain(bytes, task, mode);
        } catch (error) {
          this.#within = false;
          if (error instanceof EntryLost) this.#ofTask(op, bytes, task, mode, () => writeResult(out, refused(error)));
          throw error;
        }
        this.#within = false;
        out.row(op);
        out.signed(task);
        out.count(bytes);
        out.byte(mode);
        if (granted === MUST_WAIT) {
          out.byte(WAITS);
        } else {
          out.byte(GRANTED);
          out.count(granted);
        }
        out.byte(0);
        out.state(regions);
        return granted;
      });
    }
    this.#installed.method(manager, "releaseExecution", (plain) => (bytes, task, mode) => {
      if (this.#within) return plain(bytes, task, mode);
      const released = plain(bytes, task, mode);
      out.row(RELEASE);
      out.signed(task);
      out.count(bytes);
      out.byte(mode);
      out.byte(NOTHING);
      out.byte(0);
      out.state(regions);
      return released;
    });
    this.#installed.method(manager, "releaseAllExecution", (plain) => (task) => {
      if (this.#within) return plain(task);
      const released = plain(task);
      out.row(code("execReleaseAll"));
      out.signed(task);
      this.#counted(counted("released"), released);
      return released;
    });
  }

  #recordStorage(): void {
    const { manager, store } = this.#executor;
    const ofBlock = (op: number, block: BlockId, bytes: number, mode: Mode, done: () => boolean): boolean => {
      const id = canonical(block);
      return this.#during(done, (granted) => {
        const name = this.#out.blockName(id);
        this.#out.row(op);
        this.#out.block(id, name);
        this.#out.count(bytes);
        this.#out.byte(mode);
        this.#flagged(flagged("granted"), granted);
      });
    };
    this.#installed.method(
      manager,
      "acquireStorage",
      (plain) => (block, bytes, mode) =>
        this.#within
          ? plain(block, bytes, mode)
          : ofBlock(code("storageAcquire"), block, bytes, mode, () => plain(block, bytes, mode)),
    );
    this.#installed.method(
      manager,
      "acquireUnroll",
      (plain) => (block, bytes, mode) =>
        this.#within
          ? plain(block, bytes, mode)
          : ofBlock(code("unrollReserve"), block, bytes, mode, () => plain(block, bytes, mode)),
    );
    this.#installed.method(
      store,
      "reserveUnroll",
      (plain) => (block, bytes, mode, task) =>
        this.#within
          ? plain(block, bytes, mode, task)
          : ofBlock(code("unrollReserve"), block, bytes, mode, () => plain(block, bytes, mode, task)),
    );
    this.#installed.method(store, "releaseUnroll", (plain) => (bytes, mode, task) => {
      if (this.#within) return plain(bytes, mode, task);
      this.#during(
        () => plain(bytes, mode, task),
        () => {
          this.#ofMode(code("unrollRelease"), bytes, mode);
          this.#counted(counted("unroll"), store.unrolled(ON_HEAP) + store.unrolled(OFF_HEAP));
        },
      );
    });
    for (const [name, op] of [
      ["releaseStorage", "storageRelease"],
      ["setUnmanaged", "unmanaged"],
    ] as const) {
      this.#installed.method(manager, name, (plain) => (bytes, mode) => {
        if (this.#within) return plain(bytes, mode);
        this.#during(
          () => plain(bytes, mode),
          () => {
            this.#ofMode(code(op), bytes, mode);
            this.#nothing();
          },
        );
      });
    }
    this.#installed.method(manager, "releaseAllStorage", () => (mode) => {
      manager.releaseStorage(manager.regions[mode].storageUsed, mode);
    });
  }

  #recordStore(): void {
    const { store } = this.#executor;
    const out = this.#out;
    const put = (
      block: BlockId,
      bytes: number,
      mode: Mode = ON_HEAP,
      fate: Fate = "gone",
      done: () => boolean,
    ): boolean => {
      const id = canonical(block);
      const ask = (): void => {
        const name = out.blockName(id);
        out.row(code("put"));
        out.block(id, name);
        out.count(bytes);
        out.byte(mode);
        out.byte(fate === "disk" ? 1 : 0);
      };
      try {
        return this.#during(done, (stored) => {
          ask();
          this.#flagged(flagged("stored"), stored);
        });
      } catch (error) {
        if (error instanceof BlockExists) {
          ask();
          writeResult(out, { error: "blockExists" });
          this.#close();
        }
        throw error;
      }
    };
    this.#installed.method(
      store,
      "put",
      (plain) => (block, content, mode?: Mode, fate?: Fate) =>
        this.#within
          ? plain(block, content, mode, fate)
          : put(block, content.length, mode, fate, () => plain(block, content, mode, fate)),
    );
    this.#installed.method(
      store,
      "putAccount",
      (plain) => (block, bytes, mode?: Mode, fate?: Fate) =>
        this.#within
          ? plain(block, bytes, mode, fate)
          : put(block, bytes, mode, fate, () => plain(block, bytes, mode, fate)),
    );
    const got = (bytes: number | null): void => {
      if (bytes !== null) this.#counted(counted("bytes"), bytes);
      else {
        out.byte(NO_BYTES);
        out.byte(0);
        out.state(this.#executor.manager.regions);
      }
    };
    this.#installed.method(
      store,
      "getSize",
      (plain) => (block) => this.#aboutBlock("get", block, () => plain(block), got),
    );
    this.#installed.method(
      store,
      "get",
      (plain) => (block) =>
        this.#aboutBlock(
          "get",
          block,
          () => plain(block),
          (bytes) => got(bytes === null ? null : this.#size(block)),
        ),
    );
    for (const name of ["pin", "unpin"] as const)
      this.#installed.method(
        store,
        name,
        (plain) => (block) =>
          this.#aboutBlock(
            name,
            block,
            () => plain(block),
            () => this.#nothing(),
          ),
      );
    this.#installed.method(store, "remove", (plain) => (block) => {
      // A block on disk alone is no matter of memory.
      if (!store.has(block)) return plain(block);
      return this.#aboutBlock(
        "remove",
        block,
        () => plain(block),
        (removed) => this.#flagged(flagged("removed"), removed),
      );
    });
    this.#installed.method(store, "clear", (plain) => () => {
      if (this.#within) return plain();
      this.#during(plain, () => {
        out.row(code("clear"));
        this.#nothing();
      });
    });
  }

  /** Carries a call out and writes its row. What it throws has changed nothing and leaves no row. */
  #during<T>(done: () => T, write: (value: T) => void): T {
    this.#within = true;
    let value: T;
    try {
      value = done();
    } finally {
      this.#within = false;
    }
    write(value);
    return value;
  }

  #aboutBlock<T>(op: "get" | "pin" | "unpin" | "remove", block: BlockId, done: () => T, write: (value: T) => void): T {
    if (this.#within) return done();
    return this.#during(done, (value) => {
      const id = canonical(block);
      const name = this.#out.blockName(id);
      this.#out.row(code(op));
      this.#out.block(id, name);
      write(value);
    });
  }

  /** The size of a block in memory, asked without leaving a row. */
  #size(block: BlockId): number {
    this.#within = true;
    try {
      return this.#executor.store.getSize(block)!;
    } finally {
      this.#within = false;
    }
  }

  #ofTask(op: number, bytes: number, task: number, mode: Mode, result: () => void): void {
    this.#out.row(op);
    this.#out.signed(task);
    this.#out.count(bytes);
    this.#out.byte(mode);
    result();
    this.#close();
  }

  #ofMode(op: number, bytes: number, mode: Mode): void {
    this.#out.row(op);
    this.#out.count(bytes);
    this.#out.byte(mode);
  }

  #nothing(): void {
    this.#out.byte(NOTHING);
    this.#close();
  }

  #counted(tag: number, value: number): void {
    this.#out.byte(tag);
    this.#out.count(value);
    this.#close();
  }

  #flagged(tag: number, value: boolean): void {
    this.#out.byte(value ? tag + 1 : tag);
    this.#close();
  }

  #close(): void {
    this.#out.byte(0);
    this.#out.state(this.#executor.manager.regions);
  }
}
