// Where an event log's lines come from: one file, plain or gzipped, or the folder that Spark rolls a long log into. Codecs of
// Spark that Node cannot unpack are told by their first bytes.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { LogLine } from "../events/read.js";
import { Unreadable } from "../trace/source.js";
import { reasonOf, watched } from "./lines.js";
import { isSystemError } from "./trouble.js";

/** Longest line, characters. A file without line feeds must not fill the memory. */
const MAX_LINE = 2 ** 28;

interface Part {
  readonly name: string;
  readonly index: number;
  readonly application: string;
  readonly compact: boolean;
}

/** The files of a log in order: the file itself, or those of a rolled log. Throws Unreadable for a folder of something else, or with gaps. */
export async function logFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const parts = (await readdir(path)).flatMap(partOf).toSorted((a, b) => a.index - b.index);
  if (parts.length === 0)
    throw new Unreadable(path, 1, "is a folder without events_<n>_<application> (a rolled log) and without rdd.csv");
  // A compacted file stands for itself and everything before.
  const compacted = parts.findLast(({ compact }) => compact);
  const kept = parts.filter((part) => part === compacted || part.index > (compacted?.index ?? -1));
  for (const [at, { name, index, application }] of kept.entries()) {
    const before = kept[at - 1];
    if (before === undefined) {
      if (index > FIRST_PART && compacted === undefined)
        throw new Unreadable(path, 1, `is a rolled log that begins with ${name}: what came before is missing`);
      continue;
    }
    if (application !== before.application)
      throw new Unreadable(path, 1, `holds the logs of two applications: ${before.name} and ${name}`);
    if (index === before.index) throw new Unreadable(path, 1, `holds one part twice: ${before.name} and ${name}`);
    if (index > before.index + 1)
      throw new Unreadable(path, 1, `is a rolled log with a gap: ${name} follows ${before.name}`);
  }
  return kept.map(({ name }) => join(path, name));
}

/** Spark numbers the parts of a log from 1. */
const FIRST_PART = 1;

function partOf(name: string): Part[] {
  const [, index, rest] = /^events_(\d+)_(.+)$/.exec(name) ?? [];
  if (index === undefined) return [];
  // What follows a dot says how it is packed: ids have none.
  return [{ name, index: Number(index), application: rest!.split(".")[0]!, compact: name.endsWith(".compact") }];
}

/** The lines of one file. Throws Unreadable: not UTF-8, torn gzip, a codec that is not read here. */
export async function* logLines(file: string): AsyncGenerator<LogLine, undefined> {
  let line = 0;
  let rest = "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of await unpacked(file)) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = text.split("\n");
      lines[0] = rest + lines[0]!;
      rest = lines.pop()!;
      for (const each of lines) {
        line += 1;
        yield { file, line, text: each, unended: false };
      }
      if (rest.length > MAX_LINE) throw new Unreadable(file, line + 1, `is longer than ${MAX_LINE} characters`);
    }
    rest += decoder.decode();
  } catch (cause) {
    if (cause instanceof Unreadable || isSystemError(cause)) throw cause;
    throw new Unreadable(file, line + 1, reasonOf(cause), { cause });
  }
  if (rest !== "") yield { file, line: line + 1, text: rest, unended: true };
  return undefined;
}

const CODECS: readonly { readonly name: string; readonly magic: readonly number[]; readonly remedy: string }[] = [
  // Spark ends a frame at every flush, and the decompressor of newer Nodes ends with the first one.
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], remedy: "unpack it first: zstd -d FILE" },
  {
    name: "lz4",
    magic: [0x4c, 0x5a, 0x34, 0x42, 0x6c, 0x6f, 0x63, 0x6b],
    remedy:
      "in Spark's own blocks, which the lz4 program does not read: set spark.eventLog.compression.codec=zstd, or compress=false",
  },
  { name: "lz4", magic: [0x04, 0x22, 0x4d, 0x18], remedy: "unpack it first: lz4 -d FILE" },
  {
    name: "snappy",
    magic: [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59],
    remedy: "set spark.eventLog.compression.codec=zstd, or compress=false",
  },
  {
    name: "lzf",
    magic: [0x5a, 0x56, 0x01],
    remedy: "set spark.eventLog.compression.codec=zstd, or compress=false",
  },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68], remedy: "unpack it first: bunzip2 FILE" },
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], remedy: "unpack it first: unxz FILE" },
  { name: "zip", magic: [0x50, 0x4b, 0x03, 0x04], remedy: "unpack it first: unzip FILE" },
];

/** How a file that begins so is packed and what to do about it, in words; null where it is not. */
export function packing(head: Uint8Array): string | null {
  const codec = CODECS.find(({ magic }) => magic.every((byte, i) => head[i] === byte));
  return codec === undefined ? null : `is packed with ${codec.name}: ${codec.remedy}`;
}

async function unpacked(file: string): Promise<AsyncIterable<unknown>> {
  const source = createReadStream(file);
  await once(source, "readable");
  const head = source.read() as Uint8Array | null;
  if (head === null) return source;
  source.unshift(head);
  const packed = packing(head);
  if (packed !== null) {
    source.destroy();
    throw new Unreadable(file, 1, packed);
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) return watched(source, source, file);
  // An error anywhere destroys both streams and comes out of the iteration.
  return watched(
    pipeline(source, createGunzip(), () => {}),
    source,
    file,
  );
}
