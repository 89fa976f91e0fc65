// The files of one store: their directory, their number, their bytes, and the promise that none is left. Whatever goes
// wrong with a file, its descriptors are closed and it is removed before the error is thrown; one that cannot be removed is
// tried again at every start of a file and at the end.

import { join } from "node:path";
import { assert } from "../fault.js";
import type { SpillCounters } from "./contract.js";
import { SpillError, codeOf, type SpillOperation } from "./error.js";
import { CREATE_FLAGS, DIRECTORY_MODE, FILE_MODE, READ_FLAGS, type SpillFileSystem } from "./filesystem.js";
import { newFileName, newHomeName, removeLeftovers, type Leftovers } from "./home.js";

export type Tally = { -readonly [K in keyof SpillCounters]: SpillCounters[K] };

/** Bytes written before the disk is asked to start on them, in a store that syncs. */
const WRITE_BEHIND_BYTES = 8 * 2 ** 20;

/** Where bytes read ahead go: nobody looks at them, they are wanted in the page cache. */
const scratch = new Uint8Array(2 ** 20);
const ignore = (): void => {};

/** How the files of a store are treated. */
export interface FileHabits {
  /** Most bytes that all files may take. */
  readonly capBytes: number;
  /** Whether a file is on the disk itself when it is sealed. */
  readonly sync: boolean;
  /** How far ahead of a reader the system is asked to read, bytes; 0 for not at all. */
  readonly readAheadBytes: number;
}

export class Files {
  readonly fs: SpillFileSystem;
  readonly habits: FileHabits;
  readonly leftovers: Leftovers;
  readonly counters: Tally = {
    runs: 0,
    records: 0,
    payloadBytesWritten: 0,
    diskBytesWritten: 0,
    diskBytesRead: 0,
    writeNs: 0,
    readNs: 0,
    liveFiles: 0,
  };
  readonly #parent: string;
  /** Bytes of all files that exist. */
  #liveBytes = 0;
  readonly #live = new Set<SpillFile>();
  /** Files that resisted removal. */
  readonly #resisting = new Set<SpillFile>();
  /** Directories made and not yet removed. Files go into `#home`; null until the first file, and again when it has vanished. */
  readonly #homes = new Set<string>();
  #home: string | null = null;

  constructor(parent: string, fs: SpillFileSystem, habits: FileHabits) {
    this.fs = fs;
    this.habits = habits;
    this.#parent = parent;
    try {
      this.leftovers = removeLeftovers(parent, fs);
    } catch (cause) {
      throw new SpillError("list", reason(cause), { file: parent, cause });
    }
  }

  /** A new empty file, open for writing. */
  create(): SpillFile {
    this.#retryRemovals();
    const home = (this.#home ??= this.#makeHome());
    const path = join(home, newFileName());
    const started = performance.now();
    let fd: number;
    try {
      fd = this.fs.openSync(path, CREATE_FLAGS, FILE_MODE);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") this.#home = null;
      throw new SpillError("create", reason(cause), { file: path, cause });
    }
    this.counters.writeNs += (performance.now() - started) * 1e6;
    const file = new SpillFile(this, path, fd);
    this.#live.add(file);
    this.counters.liveFiles += 1;
    return file;
  }

  /** Why `bytes` more may not be written: all files together would pass the cap. Null when they may. */
  overCap(bytes: number): string | null {
    const { capBytes } = this.habits;
    if (this.#liveBytes + bytes <= capBytes) return null;
    return `${bytes} more bytes would pass the cap of ${capBytes} bytes; ${this.#liveBytes} are in ${this.counters.liveFiles} files`;
  }

  /** Removes every file and directory. Throws the first trouble, after having tried all; may be called again. */
  close(): void {
    for (const file of this.#live) file.discard();
    let trouble: SpillError | null = null;
    for (const file of this.#resisting) trouble ??= this.#tryUnlink(file);
    for (const home of this.#homes) {
      try {
        this.fs.rmdirSync(home);
        this.#homes.delete(home);
      } catch (cause) {
        if (codeOf(cause) === "ENOENT") this.#homes.delete(home);
        else trouble ??= new SpillError("rmdir", reason(cause), { file: home, cause });
      }
    }
    this.#home = null;
    if (trouble !== null) throw trouble;
  }

  #makeHome(): string {
    const home = join(this.#parent, newHomeName());
    try {
      this.fs.mkdirSync(home, DIRECTORY_MODE);
    } catch (cause) {
      throw new SpillError("mkdir", reason(cause), { file: home, cause });
    }
    this.#homes.add(home);
    return home;
  }

  #retryRemovals(): void {
    for (const file of this.#resisting) this.#tryUnlink(file);
  }

  /** Removes the file; null when it is gone, else the trouble, and the file is kept in mind. */
  #tryUnlink(file: SpillFile): SpillError | null {
    try {
      this.fs.unlinkSync(file.path);
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") {
        this.#resisting.add(file);
        return new SpillError("delete", reason(cause), { file: file.path, cause });
      }
    }
    this.#resisting.delete(file);
    this.#liveBytes -= file.bytes;
    this.counters.liveFiles -= 1;
    return null;
  }

  /** For SpillFile. */
  grew(bytes: number): void {
    this.#liveBytes += bytes;
    this.counters.diskBytesWritten += bytes;
  }

  /** For SpillFile. */
  remove(file: SpillFile): SpillError | null {
    this.#live.delete(file);
    return this.#tryUnlink(file);
  }
}

/** One file, from the first byte written to its removal, with every descriptor that is open on it. */
export class SpillFile {
  readonly path: string;
  /** Bytes written so far. */
  bytes = 0;
  readonly #files: Files;
  readonly #open = new Set<number>();
  readonly #writeFd: number;
  #gone = false;
  /** Syncs that nobody waits for have a descriptor of their own, so that none of them can fall on a number given out again. */
  #hintFd = -1;
  #hintedBytes = 0;

  constructor(files: Files, path: string, fd: number) {
    this.#files = files;
    this.path = path;
    this.#writeFd = fd;
    this.#open.add(fd);
  }

  get readAheadBytes(): number {
    return this.#files.habits.readAheadBytes;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Appends `parts`, `length` bytes in all. `block` is what a trouble is told with. */
  append(parts: readonly Uint8Array[], length: number, block?: number): void {
    assert(!this.#gone && this.#open.has(this.#writeFd), "the file is open for writing");
    const files = this.#files;
    const offset = this.bytes;
    const started = performance.now();
    let rest = parts;
    let left = length;
    while (left > 0) {
      let taken: number;
      try {
        taken = files.fs.writevSync(this.#writeFd, rest);
      } catch (cause) {
        throw this.lost("write", reason(cause), block, offset, cause);
      }
      if (!(taken > 0 && taken <= left))
        throw this.lost("write", `the disk took ${taken} of ${left} bytes`, block, offset);
      left -= taken;
      this.bytes += taken;
      files.grew(taken);
      if (left > 0) rest = partsAfter(rest, taken);
    }
    if (files.habits.sync) this.#writeBehind();
    files.counters.writeNs += (performance.now() - started) * 1e6;
  }

  /** Lets the disk begin, so that little is left to wait for at the end. */
  #writeBehind(): void {
    const { fs } = this.#files;
    if (this.bytes - this.#hintedBytes < WRITE_BEHIND_BYTES || !fs.fdatasync || !fs.close) return;
    this.#hintedBytes = this.bytes;
    try {
      if (this.#hintFd < 0) this.#hintFd = fs.openSync(this.path, READ_FLAGS);
      fs.fdatasync(this.#hintFd, ignore);
    } catch {
      // A hint that cannot be given is no trouble; the sync that counts comes in seal.
    }
  }

  #dropHint(): void {
    if (this.#hintFd >= 0) this.#files.fs.close!(this.#hintFd, ignore);
    this.#hintFd = -1;
  }

  /** Refuses `bytes` more when they would pass the store's cap. */
  admit(bytes: number, block?: number): void {
    const why = this.#files.overCap(bytes);
    if (why !== null) throw this.lost("cap", why, block, this.bytes);
  }

  /** Ends writing. */
  seal(): void {
    const started = performance.now();
    this.#dropHint();
    if (this.#files.habits.sync) {
      try {
        this.#files.fs.fdatasyncSync(this.#writeFd);
      } catch (cause) {
        throw this.lost("sync", reason(cause), undefined, undefined, cause);
      }
    }
    this.close(this.#writeFd);
    this.#files.counters.writeNs += (performance.now() - started) * 1e6;
  }

  /** A descriptor that reads from the start. */
  openToRead(): number {
    if (this.#gone) throw new SpillError("open", "the run has been deleted", { file: this.path });
    const started = performance.now();
    let fd: number;
    try {
      fd = this.#files.fs.openSync(this.path, READ_FLAGS);
    } catch (cause) {
      throw this.lost("open", reason(cause), undefined, undefined, cause);
    }
    this.#open.add(fd);
    let size: number;
    try {
      ({ size } = this.#files.fs.fstatSync(fd));
    } catch (cause) {
      throw this.lost("stat", reason(cause), undefined, undefined, cause);
    }
    if (size !== this.bytes)
      throw this.lost(
        "verify",
        `it has ${size} bytes and should have ${this.bytes}`,
        undefined,
        Math.min(size, this.bytes),
      );
    this.#files.counters.readNs += (performance.now() - started) * 1e6;
    return fd;
  }

  /** Fills `parts`, `length` bytes in all, from where the descriptor stands. `block` and `offset` are what a trouble is told with. */
  fill(fd: number, parts: readonly Uint8Array[], length: number, offset: number, block?: number): void {
    if (!this.#open.has(fd))
      throw new SpillError("read", "the run has been deleted", { file: this.path, block, offset });
    const files = this.#files;
    const started = performance.now();
    let rest = parts;
    let left = length;
    while (left > 0) {
      let got: number;
      try {
        got = files.fs.readvSync(fd, rest);
      } catch (cause) {
        throw this.lost("read", reason(cause), block, offset, cause);
      }
      if (got === 0) throw this.lost("verify", `the file ends ${left} bytes early`, block, offset);
      if (!(got > 0 && got <= left)) throw this.lost("read", `the disk gave ${got} of ${left} bytes`, block, offset);
      left -= got;
      files.counters.diskBytesRead += got;
      if (left > 0) rest = partsAfter(rest, got);
    }
    files.counters.readNs += (performance.now() - started) * 1e6;
  }

  /**
   * Asks for `length` bytes from `offset` to be brought into the page cache. Not waited for: should the descriptor be closed and its
   * number given out again meanwhile, bytes that nobody looks at come from another file, whose position does not move.
   */
  readAhead(fd: number, offset: number, length: number): void {
    const { fs } = this.#files;
    try {
      for (let done = 0; done < length; done += scratch.length)
        fs.read?.(fd, scratch, 0, Math.min(scratch.length, length - done), offset + done, ignore);
    } catch {
      // As in writing behind: no trouble.
    }
  }

  /** Closes one descriptor; the system has let go of it even when it reports trouble. Idempotent. */
  close(fd: number): void {
    if (!this.#open.delete(fd)) return;
    try {
      this.#files.fs.closeSync(fd);
    } catch (cause) {
      throw this.lost("close", reason(cause), undefined, undefined, cause);
    }
  }

  /** The error for what has happened; the file and its descriptors are gone when it returns. */
  lost(operation: SpillOperation, why: string, block?: number, offset?: number, cause?: unknown): SpillError {
    this.discard();
    return new SpillError(operation, why, { file: this.path, block, offset, cause });
  }

  /** Closes and removes, whatever happens. Idempotent. Returns what kept the file from being removed. */
  discard(): SpillError | null {
    if (this.#gone) return null;
    this.#gone = true;
    this.#dropHint();
    for (const fd of this.#open) {
      try {
        this.#files.fs.closeSync(fd);
      } catch {
        // The file is about to go, and the descriptor is released in any case.
      }
    }
    this.#open.clear();
    return this.#files.remove(this);
  }
}

/** What remains of `parts` after the first `taken` bytes. */
function partsAfter(parts: readonly Uint8Array[], taken: number): readonly Uint8Array[] {
  let skip = taken;
  let i = 0;
  while (skip >= parts[i]!.length) skip -= parts[i++]!.length;
  return [parts[i]!.subarray(skip), ...parts.slice(i + 1)];
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
