// Vectors: single questions to real Spark and its answers, one a line, each independent of the others. Every kind has a
// checker that derives the answer again and names the first field that differs.

import { BYTE_UNITS, parseBytes, type ByteUnit } from "../config/bytes.js";
import { containerLayout } from "../config/container.js";
import { KEY_NAMES, KEYS, readConf } from "../config/keys.js";
import { COLLECTORS, memoryLayout, readOuts, type Collector } from "../config/layout.js";
import { ruledRelease } from "../config/release.js";
import { parseTime, TIME_UNITS, type TimeUnit } from "../config/time.js";
import { Refusal } from "../fault.js";
import { encodeSparkAddress, MAX_PAGES, pageOfSpark } from "../memory/address.js";
import { modeName } from "../memory/mode.js";
import {
  BadField,
  booleanField,
  integerField,
  longField,
  longsField,
  objectField,
  sameJson,
  textField,
  textsField,
  type Json,
  type JsonObject,
} from "./json.js";
import { objectOn, Unreadable, type RecordedFile, type Verdict } from "./source.js";

/** Who answered the vectors of a file. */
export interface VectorEngine {
  /** Spark's version, `3.5.7`. */
  readonly version: string;
  readonly collector: Collector;
}

/** A field that differs. */
export interface Mismatch {
  readonly field: string;
  readonly expected: Json;
  readonly got: Json;
}

/** Checks one vector: null when it agrees. Throws BadField for a vector that breaks the format. */
export type VectorChecker = (vector: JsonObject, engine: VectorEngine) => Mismatch | null;

/** Checkers by kind. */
export type VectorCheckers = Readonly<Record<string, VectorChecker>>;

/** The kinds that speak of configuration. */
export const CONFIG_VECTORS: VectorCheckers = {
  memory: (vector, engine) => {
    const conf = textsField(vector, "conf");
    const cores = integerField(vector, "cores");
    return compare(vector, () => {
      const { collector, version } = engine;
      const layout = memoryLayout(readConf(conf, version), { cores, collector, manager: "unified" });
      const { maxOnHeapStorage, maxOffHeapStorage } = readOuts(layout);
      return {
        onHeap: [layout.onHeap.execution, layout.onHeap.storage],
        offHeap: [layout.offHeap.execution, layout.offHeap.storage],
        maxOnHeapStorage,
        maxOffHeapStorage,
        pageSize: layout.pageBytes,
        tungstenMode: modeName(layout.tungstenMode),
      };
    });
  },
  container: (vector, { version }) => {
    const conf = textsField(vector, "conf");
    const python = booleanField(vector, "python");
    return compare(vector, () => {
      const container = containerLayout(readConf(conf, version), { cluster: "yarn", python });
      return {
        executorMemoryMiB: container.heapMiB,
        memoryOverheadMiB: container.overheadMiB,
        memoryOffHeapMiB: container.offHeapMiB,
        pysparkMemoryMiB: container.pysparkMiB,
        totalMemMiB: container.totalMiB,
      };
    });
  },
  bytes: (vector) => {
    const text = textField(vector, "text");
    const unit = oneOf(vector, "unit", Object.keys(BYTE_UNITS) as ByteUnit[]);
    return compare(vector, () => ({ value: String(parseBytes(text, unit)) }));
  },
  time: (vector) => {
    const text = textField(vector, "text");
    const unit = oneOf(vector, "unit", Object.keys(TIME_UNITS) as TimeUnit[]);
    return compare(vector, () => ({ value: String(parseTime(text, unit)) }));
  },
  // One typed key, read from a configuration that holds nothing else. Beyond version 1 of the format.
  key: (vector, { version }) => {
    const name = oneOf(vector, "key", KEY_NAMES);
    const conf = readConf("text" in vector ? { [name]: textField(vector, "text") } : {}, version);
    return compare(vector, () => {
      const value = conf.get(name);
      // Java prints doubles in its own way; null stands for what is not set.
      const { value: printed } = vector["result"] as { readonly value?: string };
      const same = KEYS[name].type === "double" && printed !== undefined && Number(printed) === (Number(value) || 0);
      return { value: same ? printed : value === undefined ? "null" : `${value}` };
    });
  },
  address: (vector) => {
    const page = integerField(vector, "page");
    if (page < 0 || page >= MAX_PAGES) throw new BadField(`field "page" must lie between 0 and ${MAX_PAGES - 1}`);
    const offset = textField(vector, "offset");
    if (!/^-?\d+$/.test(offset)) throw new BadField('field "offset" must be an integer as text');
    return compare(vector, () => {
      const address = encodeSparkAddress(page, BigInt(offset));
      return { address: String(address), page: BigInt(pageOfSpark(address)) };
    });
  },
};

/** Checks a file of vectors with the given checkers, up to the first disagreement. Throws Unreadable. */
export async function checkVectors(file: RecordedFile, checkers: VectorCheckers = CONFIG_VECTORS): Promise<Verdict> {
  const engine = located(file.file, 1, () => engineOf(file.header));
  let rows = 0;
  for await (const row of file.rows) {
    const vector = objectOn(file.file, row);
    const kind = located(file.file, row.line, () => textField(vector, "vector"));
    const checker = Object.hasOwn(checkers, kind) ? checkers[kind] : undefined;
    if (!checker) throw new Unreadable(file.file, row.line, `no checker for vectors of kind "${kind}"`);
    const mismatch = located(file.file, row.line, () => checker(vector, engine));
    if (mismatch) {
      return { rows, disagreement: { row: rows + 1, line: row.line, op: kind, ...mismatch, note: row.text } };
    }
    rows += 1;
  }
  return { rows, disagreement: null };
}

type Answer = bigint | string | readonly bigint[];

/**
 * Compares the recorded `result` with what `derive` gives. A refusal agrees with a recorded error when both carry the same
 * condition; the name of a Java class stands for an error without one.
 */
export function compare(vector: JsonObject, derive: () => Readonly<Record<string, Answer>>): Mismatch | null {
  const result = objectField(vector, "result");
  const expectedError = Object.hasOwn(result, "error") ? textField(result, "error") : null;
  let derived: Readonly<Record<string, Answer>>;
  try {
    derived = derive();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (expectedError === null) return { field: "error", expected: null, got: error.condition ?? error.message };
    if (error.condition === conditionIn(expectedError)) return null;
    return { field: "error", expected: expectedError, got: error.condition ?? error.message };
  }
  if (expectedError !== null) return { field: "error", expected: expectedError, got: null };
  for (const [field, got] of Object.entries(derived)) {
    const expected = recorded(result, field, got);
    if (!sameJson(expected, got)) return { field, expected, got };
  }
  return null;
}

/** The recorded value of a field, which must be of the kind that is derived. */
function recorded(result: JsonObject, field: string, like: Answer): Answer {
  if (typeof like === "bigint") return longField(result, field);
  return typeof like === "string" ? textField(result, field) : longsField(result, field);
}

/** Spark's conditions are written in capitals; anything else is a class of exception. */
function conditionIn(error: string): string | null {
  return /^[A-Z0-9_]+(\.[A-Z0-9_]+)*$/.test(error) ? error : null;
}

function engineOf(header: JsonObject): VectorEngine {
  if (textField(header, "vectors") !== "executor-memory")
    throw new BadField('field "vectors" must be "executor-memory"');
  if (integerField(header, "version") !== 1) throw new BadField("only version 1 is known");
  const version = /^spark-(.+)$/.exec(textField(header, "engine"))?.[1];
  if (version === undefined) throw new BadField('field "engine" must name a Spark version, such as "spark-3.5.7"');
  ruledRelease(version);
  return { version, collector: oneOf(header, "collector", COLLECTORS) };
}

function oneOf<T extends string>(of: JsonObject, name: string, words: readonly T[]): T {
  const text = textField(of, name);
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw new BadField(`field "${name}" must be one of ${words.join(", ")}`);
  return word;
}

/** Says where, when something turns out not to be readable. */
function located<T>(file: string, line: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Refusal) throw new Unreadable(file, line, cause.message, { cause });
    throw cause;
  }
}
