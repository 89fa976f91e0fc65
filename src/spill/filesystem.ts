// The calls of node:fs that spilling makes, and no others, so that a test can stand between us and the disk at each.

import fs from "node:fs";

/** As in node:fs: synchronous, and an error with a `code` when it fails. */
export interface SpillFileSystem {
  /** Names in a directory. */
  readdirSync(path: string): string[];
  /** What a path is, not what it links to. */
  lstatSync(path: string): { isDirectory(): boolean; readonly uid: number; readonly mtimeMs: number };
  /** Makes one directory. */
  mkdirSync(path: string, mode: number): unknown;
  /** Removes an empty directory. */
  rmdirSync(path: string): void;
  /** Opens a file and gives its descriptor. */
  openSync(path: string, flags: number, mode?: number): number;
  /** Size of an open file, bytes. */
  fstatSync(fd: number): { readonly size: number };
  /** At the file's current position. May write or read less than asked. */
  writevSync(fd: number, parts: readonly Uint8Array[]): number;
  /** From the file's current position; gives the bytes read. */
  readvSync(fd: number, parts: readonly Uint8Array[]): number;
  /** Waits until the contents are on the disk. */
  fdatasyncSync(fd: number): void;
  /** Closes a descriptor. */
  closeSync(fd: number): void;
  /** Removes a file. */
  unlinkSync(path: string): void;
  // The rest are hints, made ahead of need and never waited for: without them everything works, slower.
  /** Reads ahead. */
  read?(fd: number, into: Uint8Array, offset: number, length: number, position: number, done: Done): void;
  /** Starts what `fdatasyncSync` will wait for. */
  fdatasync?(fd: number, done: Done): void;
  /** Closes a descriptor by and by. */
  close?(fd: number, done: Done): void;
}

type Done = (error: Error | null) => void;

/** The file system of the machine. */
export const nodeFileSystem: SpillFileSystem = fs;

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = fs.constants;
/** Not there on Windows. */
const O_NOFOLLOW = (fs.constants as { O_NOFOLLOW?: number }).O_NOFOLLOW ?? 0;

/** A new file and never an old one, never through a link. */
export const CREATE_FLAGS = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW;
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW;
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;
