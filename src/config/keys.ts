// Every Spark key that speaks of executor memory, in one table (sections 2.2 to 2.7 of the law), and the reader that turns
// the texts of a configuration into values. A key is read, and refused, when somebody asks for it: the order of the
// questions decides which error is seen, as in Spark.

import { Refusal } from "../fault.js";
import { BYTE_UNITS, parseBytes, parseSignedBytes, type ByteUnit } from "./bytes.js";
import { BadValue, LONG_MAX, parseBoolean, parseDouble, parseInt32, parseLong, trim } from "./java.js";
import { ruledRelease, type Release } from "./release.js";
import { parseTime, type TimeUnit } from "./time.js";

/**
 * A key whose text cannot be read or whose value is not allowed, or values that do not fit together.
 *
 * @example
 * ```ts
 * import { ConfigError, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor({ conf: { "spark.memory.fraction": "half" } });
 * } catch (error) {
 *   if (error instanceof ConfigError) console.log(error.key, error.value, error.condition); // spark.memory.fraction half INVALID_CONF_VALUE.TYPE_MISMATCH
 * }
 * ```
 */
export class ConfigError extends Refusal {
  override readonly name = "ConfigError";
  /** The key that is refused. */
  readonly key: string;
  /** The text as configured, or the value that was derived. */
  readonly value: string;
  /** What would have been accepted. */
  readonly rule: string;

  constructor(key: string, value: string, rule: string, condition: string | null, options?: { cause?: unknown }) {
    super(`${key} = "${value}": ${rule}`, condition, options);
    this.key = key;
    this.value = value;
    this.rule = rule;
  }
}

type KeyType = "bytes" | "time" | "long" | "int" | "double" | "boolean";

/** One row of the table. `V` is what reading gives: bigint for bytes, time and long, number for int and double. */
export interface Key<V> {
  readonly type: KeyType;
  /** What a number without unit counts, for bytes and time. */
  readonly unit: ByteUnit | TimeUnit | null;
  readonly fallback: V;
  /** First release that reads the key. */
  readonly since: Release;
  readonly meaning: string;
  /** First release that does not read it any more. */
  readonly until?: Release;
  readonly check?: { readonly rule: string; holds(value: NonNullable<V>, release: Release): boolean };
  /** Before this release (for ever: Infinity) the text is not trimmed and takes no minus. Spark names no condition for such a read. */
  readonly typedSince?: Release;
  /** Older names that are still read when the key itself is absent. */
  readonly oldNames?: readonly string[];
  /** Set with -D on the JVM; in a configuration it does nothing. */
  readonly processProperty?: true;
  /** Only the static manager reads it. */
  readonly legacy?: true;
}

type More<V> = Partial<Omit<Key<V>, "type" | "unit" | "fallback" | "since" | "meaning">>;

function row<V>(
  type: KeyType,
  unit: Key<V>["unit"],
  fallback: V,
  since: Release,
  meaning: string,
  more: More<V> = {},
): Key<V> {
  return Object.freeze({ type, unit, fallback, since, meaning, ...more });
}

type Unset<V> = V | undefined;

const bytes = (unit: ByteUnit, fallback: bigint, since: Release, meaning: string, more?: More<bigint>): Key<bigint> =>
  row("bytes", unit, fallback, since, meaning, more);
const bytesOrUnset = (
  unit: ByteUnit,
  since: Release,
  meaning: string,
  more?: More<Unset<bigint>>,
): Key<Unset<bigint>> => row<Unset<bigint>>("bytes", unit, undefined, since, meaning, more);
const time = (unit: TimeUnit, fallback: bigint, since: Release, meaning: string, more?: More<bigint>): Key<bigint> =>
  row("time", unit, fallback, since, meaning, more);
const long = (fallback: bigint, since: Release, meaning: string, more?: More<bigint>): Key<bigint> =>
  row("long", null, fallback, since, meaning, more);
const longOrUnset = (since: Release, meaning: string, more?: More<Unset<bigint>>): Key<Unset<bigint>> =>
  row<Unset<bigint>>("long", null, undefined, since, meaning, more);
const int = (fallback: number, since: Release, meaning: string, more?: More<number>): Key<number> =>
  row("int", null, fallback, since, meaning, more);
const double = (fallback: number, since: Release, meaning: string, more?: More<number>): Key<number> =>
  row("double", null, fallback, since, meaning, more);
const boolean = (fallback: boolean, since: Release, meaning: string, more?: More<boolean>): Key<boolean> =>
  row("boolean", null, fallback, since, meaning, more);

/** Longest array that a JVM is asked for, bytes. */
const MAX_ROUNDED_ARRAY = 2_147_483_632n;

const positive = { rule: "must be greater than 0", holds: (v: number | bigint) => v > 0 };
const notNegative = { rule: "must be 0 or more", holds: (v: number | bigint) => v >= 0 };
const legacyFraction: More<number> = { until: 300, legacy: true };
const within = (least: bigint, most: bigint) => ({
  rule: `must lie between ${least} and ${most}`,
  holds: (v: bigint) => v >= least && v <= most,
});

export const KEYS = Object.freeze({
  // Unified memory
  "spark.executor.memory": bytes("MiB", 1024n, 7, "heap of an executor"),
  "spark.driver.memory": bytes("MiB", 1024n, 101, "heap of the driver"),
  "spark.executor.cores": int(1, 100, "task slots of an executor; the page size depends on them"),
  "spark.memory.fraction": double(0.6, 106, "share of heap minus reserve that execution and storage use together"),
  "spark.memory.storageFraction": double(0.5, 106, "share of that region where storage is protected from execution", {
    check: { rule: "must be at least 0 and below 1", holds: (v, release) => release < 300 || (v >= 0 && v < 1) },
  }),
  "spark.memory.offHeap.enabled": boolean(false, 106, "page-based execution memory lies off-heap", {
    oldNames: ["spark.unsafe.offHeap"],
  }),
  "spark.memory.offHeap.size": bytes("BYTE", 0n, 106, "off-heap memory of execution and storage together", {
    check: notNegative,
  }),
  "spark.memory.unmanagedMemoryPollingInterval": time(
    "MILLISECONDS",
    0n,
    401,
    "how often unmanaged consumers are asked what they use; 0 is never",
  ),
  "spark.buffer.pageSize": bytesOrUnset("BYTE", 105, "page size, taken as it is", { typedSince: 300 }),
  "spark.unsafe.exceptionOnMemoryLeak": boolean(false, 104, "a task that leaks memory fails"),
  "spark.storage.exceptionOnPinLeak": boolean(false, 106, "a task that leaves block locks fails"),
  "spark.memory.debugFill": boolean(false, 200, "fill pages at allocation and at free", { processProperty: true }),

  // Storage
  "spark.storage.unrollMemoryThreshold": long(2n ** 20n, 101, "first reservation of a block being unrolled, bytes", {
    typedSince: 300,
  }),
  "spark.storage.unrollMemoryCheckPeriod": long(16n, 203, "elements between two looks at a growing block"),
  "spark.storage.unrollMemoryGrowthFactor": double(1.5, 203, "what a growing block reserves ahead"),
  "spark.storage.memoryMapThreshold": bytes("BYTE", 2n ** 21n, 9, "disk blocks from this size on are mapped"),
  "spark.rdd.compress": boolean(false, 6, "compress serialized blocks"),
  "spark.broadcast.blockSize": bytes("KiB", 4096n, 5, "size of a piece of a broadcast"),
  "spark.taskMetrics.trackUpdatedBlockStatuses": boolean(false, 203, "tasks report the blocks they changed"),
  "spark.network.maxRemoteBlockSizeFetchToMem": bytes(
    "BYTE",
    200n * 2n ** 20n,
    300,
    "larger remote blocks go to disk",
    {
      check: { rule: "must be at most 2147483135", holds: (v) => v <= 2_147_483_135n },
    },
  ),
  "spark.task.maxDirectResultSize": bytes("BYTE", 2n ** 20n, 200, "larger task results go through storage", {
    check: { rule: "must be below 2147483632", holds: (v, release) => release < 305 || v < MAX_ROUNDED_ARRAY },
  }),
  "spark.driver.maxResultSize": bytes("BYTE", 2n ** 30n, 102, "limit of the results of one action"),

  // Spilling and sorting
  "spark.shuffle.spill.initialMemoryThreshold": bytes(
    "BYTE",
    5_242_880n,
    101,
    "what an object collection has for free",
  ),
  "spark.shuffle.spill.numElementsForceSpillThreshold": int(2_147_483_647, 106, "records after which a sorter spills"),
  "spark.shuffle.spill.maxSizeInBytesForSpillThreshold": bytes(
    "BYTE",
    LONG_MAX,
    401,
    "bytes after which a sorter spills",
    {
      check: positive,
    },
  ),
  "spark.shuffle.spill.batchSize": long(10_000n, 9, "objects a serializer batch"),
  "spark.shuffle.spill.compress": boolean(true, 9, "compress local spill files"),
  "spark.shuffle.compress": boolean(true, 6, "compress shuffle files, shuffle spills too"),
  "spark.shuffle.spill.diskWriteBufferSize": bytes("BYTE", 2n ** 20n, 203, "staging buffer of a spill writer", {
    check: {
      rule: "must lie between 13 and 2147483632 (before 3.0 between 1 and 2147483647)",
      holds: (v, release) => (release < 300 ? v > 0n && v < 2n ** 31n : v > 12n && v <= MAX_ROUNDED_ARRAY),
    },
  }),
  "spark.shuffle.file.buffer": bytes("KiB", 32n, 104, "file buffer of a shuffle writer", {
    check: within(1n, MAX_ROUNDED_ARRAY / 1024n),
  }),
  "spark.shuffle.sort.initialBufferSize": bytes(
    "BYTE",
    4096n,
    201,
    "first size of the pointer array, used as a count",
    {
      check: within(1n, 2_147_483_647n),
    },
  ),
  "spark.shuffle.sort.useRadixSort": boolean(true, 200, "sort pointers by radix"),
  "spark.unsafe.sorter.spill.reader.buffer.size": bytes("BYTE", 2n ** 20n, 201, "buffer of a spill reader", {
    check: within(2n ** 20n, 2n ** 24n),
  }),
  "spark.unsafe.sorter.spill.read.ahead.enabled": boolean(true, 203, "read spill files ahead"),

  // Containers
  "spark.executor.memoryOverhead": bytesOrUnset("MiB", 203, "container memory outside the heap", {
    oldNames: ["spark.yarn.executor.memoryOverhead"],
  }),
  "spark.executor.memoryOverheadFactor": double(0.1, 303, "overhead as a share of the heap", { check: positive }),
  "spark.executor.minMemoryOverhead": bytes("MiB", 384n, 400, "least overhead"),
  "spark.driver.memoryOverhead": bytesOrUnset("MiB", 203, "the same for the driver in cluster mode", {
    oldNames: ["spark.yarn.driver.memoryOverhead"],
  }),
  "spark.driver.memoryOverheadFactor": double(0.1, 303, "the same for the driver", { check: positive }),
  "spark.driver.minMemoryOverhead": bytes("MiB", 384n, 400, "the same for the driver"),
  "spark.executor.pyspark.memory": bytesOrUnset("MiB", 204, "memory of the Python workers of an executor"),
  "spark.kubernetes.memoryOverheadFactor": double(0.1, 204, "overhead as a share of the heap on Kubernetes", {
    check: notNegative,
  }),

  // For tests
  "spark.testing.memory": longOrUnset(106, "stands for the largest heap of the runtime, bytes", { typedSince: 300 }),
  "spark.testing.reservedMemory": longOrUnset(106, "stands for the reserve of 300 MiB, bytes", {
    typedSince: Infinity,
  }),
  "spark.testing": boolean(false, 100, "when present, whatever its value, the reserve is 0"),
  "spark.test.useCompressedOops": boolean(true, 100, "object layout of the size estimator", {
    processProperty: true,
  }),

  // Static manager
  "spark.memory.useLegacyMode": boolean(false, 106, "use the static manager", { until: 300, typedSince: Infinity }),
  "spark.storage.memoryFraction": double(0.6, 7, "share of the heap for storage", legacyFraction),
  "spark.storage.safetyFraction": double(0.9, 101, "part of that share that may be used", legacyFraction),
  "spark.storage.unrollFraction": double(0.2, 101, "share of storage for blocks being unrolled", legacyFraction),
  "spark.shuffle.memoryFraction": double(0.2, 8, "share of the heap for execution", legacyFraction),
  "spark.shuffle.safetyFraction": double(0.8, 101, "part of that share that may be used", legacyFraction),
});

/** A key of Spark that is read here. */
export type KeyName = keyof typeof KEYS;
type ValueOf<K extends KeyName> = (typeof KEYS)[K] extends Key<infer V> ? V : never;

/** All keys of Spark that are read here (section 2 of the law). */
export const KEY_NAMES = Object.freeze(Object.keys(KEYS)) as readonly KeyName[];

/** A configuration: texts that stay as they are, and the values they are read as. Frozen. */
export interface Conf {
  /** Whose keys and defaults hold: major * 100 + minor. */
  readonly release: Release;
  /** The texts as they were given. */
  readonly raw: Readonly<Record<string, string>>;
  /** The value of a key, its default when it is absent or not read in this release. Throws ConfigError. */
  get<K extends KeyName>(key: K): ValueOf<K>;
  /** The text that `get` reads: the key's own, or that of an older name, where this release reads the key at all. */
  text(key: KeyName): string | undefined;
  /** Whether `text` finds something. */
  has(key: KeyName): boolean;
}

/**
 * Takes a configuration of a generation (`4.1`) or of any version from 2.4 to 4.1 (`3.3.4`). Nothing is read yet.
 *
 * @example
 * ```ts
 * import { readConf } from "tungsten-memory";
 *
 * const conf = readConf({ "spark.executor.memory": "8g" }, "3.5.1");
 * console.log(conf.get("spark.memory.storageFraction"), conf.has("spark.executor.memory")); // 0.5 true
 * ```
 */
export function readConf(raw: Readonly<Record<string, string>>, version: string): Conf {
  const release = ruledRelease(version);
  const texts = Object.freeze({ ...raw });
  for (const [key, value] of Object.entries<unknown>(texts)) {
    if (typeof value !== "string")
      throw new ConfigError(key, String(value), "must be a string, as Spark's settings are", null);
  }
  const text = (key: KeyName): string | undefined => {
    const entry: Key<unknown> = KEYS[key];
    if (release < entry.since || release >= (entry.until ?? Infinity) || entry.processProperty) return undefined;
    const name = [key, ...(entry.oldNames ?? [])].find((candidate) => Object.hasOwn(texts, candidate));
    return name === undefined ? undefined : texts[name];
  };
  return Object.freeze({
    release,
    raw: texts,
    text,
    has: (key) => text(key) !== undefined,
    get: <K extends KeyName>(key: K): ValueOf<K> => readKey(key, text(key), release),
  } satisfies Conf);
}

/**
 * Reads every key that this release reads, and so refuses what Spark would refuse sooner or later.
 *
 * @example
 * ```ts
 * import { checkKeys, ConfigError, readConf } from "tungsten-memory";
 *
 * try {
 *   checkKeys(readConf({ "spark.memory.storageFraction": "2" }, "4.1"));
 * } catch (error) {
 *   if (error instanceof ConfigError) console.log(error.key, error.value); // spark.memory.storageFraction 2
 * }
 * ```
 */
export function checkKeys(conf: Conf): void {
  for (const key of KEY_NAMES) if (key !== "spark.testing") conf.get(key);
}

/** Spark's names for bad values, from 4.1 on; before, it had none. */
const TYPE_MISMATCH = "INVALID_CONF_VALUE.TYPE_MISMATCH";
const REQUIREMENT = "INVALID_CONF_VALUE.REQUIREMENT";

function readKey<K extends KeyName>(key: K, text: string | undefined, release: Release): ValueOf<K> {
  const entry = KEYS[key] as Key<ValueOf<K>>;
  if (text === undefined) return entry.fallback;
  const typed = release >= (entry.typedSince ?? 0);
  const condition = (name: string): string | null => (typed && release >= 401 ? name : null);
  const value = refusing(key, text, condition(TYPE_MISMATCH), () => parse(entry, text, typed)) as NonNullable<
    ValueOf<K>
  >;
  const check = entry.check;
  if (check && !check.holds(value, release)) {
    // Spark's message counts the value in bytes, and fails as a bad text does where these leave 64 bits.
    const tooLarge = entry.type === "bytes" && (value as bigint) * BYTE_UNITS[entry.unit as ByteUnit] > LONG_MAX;
    throw new ConfigError(key, text, check.rule, condition(tooLarge ? TYPE_MISMATCH : REQUIREMENT));
  }
  return value;
}

function parse(entry: Key<unknown>, text: string, typed: boolean): bigint | number | boolean {
  const plain = typed ? trim(text) : text;
  if (entry.type === "bytes") return (typed ? parseSignedBytes : parseBytes)(text, entry.unit as ByteUnit);
  if (entry.type === "time") return parseTime(text, entry.unit as TimeUnit);
  if (entry.type === "double") return parseDouble(text);
  return { long: parseLong, int: parseInt32, boolean: parseBoolean }[entry.type](plain);
}

/**
 * The heap as the start-up check and standalone clusters read it: the same text, but a bare number counts bytes.
 * Null when the key is absent.
 */
export function executorMemoryBareBytes(conf: Conf): bigint | null {
  const key = "spark.executor.memory";
  const text = conf.text(key);
  return text === undefined ? null : refusing(key, text, null, () => parseBytes(text, "BYTE"));
}

function refusing<T>(key: string, text: string, condition: string | null, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof BadValue) throw new ConfigError(key, text, `must be ${cause.rule}`, condition, { cause });
    throw cause;
  }
}
