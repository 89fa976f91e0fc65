// The keys as sections 2.2 to 2.7 of the law list them: what an absent one is, from which release on it is read, in which
// unit, and which values are refused. Written down a second time on purpose: the table in the source is what is tested.

import { describe, expect, test } from "vitest";
import { formatRelease } from "../../src/config/release.js";
import { checkKeys, ConfigError, KEY_NAMES, KEYS, type KeyName, readConf } from "../../src/config/keys.js";

const MIB = 2n ** 20n;
const LONG_MAX = 2n ** 63n - 1n;

/** Key, type, unit of a bare number, default, first release. */
const TABLE: readonly [KeyName, string, string | null, unknown, string][] = [
  ["spark.executor.memory", "bytes", "MiB", 1024n, "0.7"],
  ["spark.driver.memory", "bytes", "MiB", 1024n, "1.1"],
  ["spark.executor.cores", "int", null, 1, "1.0"],
  ["spark.memory.fraction", "double", null, 0.6, "1.6"],
  ["spark.memory.storageFraction", "double", null, 0.5, "1.6"],
  ["spark.memory.offHeap.enabled", "boolean", null, false, "1.6"],
  ["spark.memory.offHeap.size", "bytes", "BYTE", 0n, "1.6"],
  ["spark.memory.unmanagedMemoryPollingInterval", "time", "MILLISECONDS", 0n, "4.1"],
  ["spark.buffer.pageSize", "bytes", "BYTE", undefined, "1.5"],
  ["spark.unsafe.exceptionOnMemoryLeak", "boolean", null, false, "1.4"],
  ["spark.storage.exceptionOnPinLeak", "boolean", null, false, "1.6"],
  ["spark.memory.debugFill", "boolean", null, false, "2.0"],
  ["spark.storage.unrollMemoryThreshold", "long", null, MIB, "1.1"],
  ["spark.storage.unrollMemoryCheckPeriod", "long", null, 16n, "2.3"],
  ["spark.storage.unrollMemoryGrowthFactor", "double", null, 1.5, "2.3"],
  ["spark.storage.memoryMapThreshold", "bytes", "BYTE", 2n * MIB, "0.9"],
  ["spark.rdd.compress", "boolean", null, false, "0.6"],
  ["spark.broadcast.blockSize", "bytes", "KiB", 4096n, "0.5"],
  ["spark.taskMetrics.trackUpdatedBlockStatuses", "boolean", null, false, "2.3"],
  ["spark.network.maxRemoteBlockSizeFetchToMem", "bytes", "BYTE", 200n * MIB, "3.0"],
  ["spark.task.maxDirectResultSize", "bytes", "BYTE", MIB, "2.0"],
  ["spark.driver.maxResultSize", "bytes", "BYTE", 1024n * MIB, "1.2"],
  ["spark.shuffle.spill.initialMemoryThreshold", "bytes", "BYTE", 5_242_880n, "1.1"],
  ["spark.shuffle.spill.numElementsForceSpillThreshold", "int", null, 2_147_483_647, "1.6"],
  ["spark.shuffle.spill.maxSizeInBytesForSpillThreshold", "bytes", "BYTE", LONG_MAX, "4.1"],
  ["spark.shuffle.spill.batchSize", "long", null, 10_000n, "0.9"],
  ["spark.shuffle.spill.compress", "boolean", null, true, "0.9"],
  ["spark.shuffle.compress", "boolean", null, true, "0.6"],
  ["spark.shuffle.spill.diskWriteBufferSize", "bytes", "BYTE", MIB, "2.3"],
  ["spark.shuffle.file.buffer", "bytes", "KiB", 32n, "1.4"],
  ["spark.shuffle.sort.initialBufferSize", "bytes", "BYTE", 4096n, "2.1"],
  ["spark.shuffle.sort.useRadixSort", "boolean", null, true, "2.0"],
  ["spark.unsafe.sorter.spill.reader.buffer.size", "bytes", "BYTE", MIB, "2.1"],
  ["spark.unsafe.sorter.spill.read.ahead.enabled", "boolean", null, true, "2.3"],
  ["spark.executor.memoryOverhead", "bytes", "MiB", undefined, "2.3"],
  ["spark.executor.memoryOverheadFactor", "double", null, 0.1, "3.3"],
  ["spark.executor.minMemoryOverhead", "bytes", "MiB", 384n, "4.0"],
  ["spark.driver.memoryOverhead", "bytes", "MiB", undefined, "2.3"],
  ["spark.driver.memoryOverheadFactor", "double", null, 0.1, "3.3"],
  ["spark.driver.minMemoryOverhead", "bytes", "MiB", 384n, "4.0"],
  ["spark.executor.pyspark.memory", "bytes", "MiB", undefined, "2.4"],
  ["spark.kubernetes.memoryOverheadFactor", "double", null, 0.1, "2.4"],
  ["spark.testing.memory", "long", null, undefined, "1.6"],
  ["spark.testing.reservedMemory", "long", null, undefined, "1.6"],
  ["spark.testing", "boolean", null, false, "1.0"],
  ["spark.test.useCompressedOops", "boolean", null, true, "1.0"],
  ["spark.memory.useLegacyMode", "boolean", null, false, "1.6"],
  ["spark.storage.memoryFraction", "double", null, 0.6, "0.7"],
  ["spark.storage.safetyFraction", "double", null, 0.9, "1.1"],
  ["spark.storage.unrollFraction", "double", null, 0.2, "1.1"],
  ["spark.shuffle.memoryFraction", "double", null, 0.2, "0.8"],
  ["spark.shuffle.safetyFraction", "double", null, 0.8, "1.1"],
];

// Keys that came before 2.4 are there in all of these.
const RELEASES = ["2.4", "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "4.0", "4.1"];
const PROCESS_PROPERTIES: readonly KeyName[] = ["spark.memory.debugFill", "spark.test.useCompressedOops"];
const UNTIL_3: readonly KeyName[] = [
  "spark.memory.useLegacyMode",
  "spark.storage.memoryFraction",
  "spark.storage.safetyFraction",
  "spark.storage.unrollFraction",
  "spark.shuffle.memoryFraction",
  "spark.shuffle.safetyFraction",
];

function refusal(key: KeyName, text: string, version = "4.1"): ConfigError | null {
  try {
    readConf({ [key]: text }, version).get(key);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

test("lists every key once", () => expect(TABLE.map(([key]) => key).sort()).toEqual([...KEY_NAMES].sort()));

test("every key says what it means", () => {
  for (const key of KEY_NAMES) expect(KEYS[key].meaning, key).toMatch(/^\w.{12,}\w$/);
});

describe.each(TABLE)("%s", (key, type, unit, otherwise, since) => {
  test("has its type, unit and default", () => {
    expect([KEYS[key].type, KEYS[key].unit]).toEqual([type, unit]);
    for (const version of RELEASES) expect(readConf({}, version).get(key)).toBe(otherwise);
  });

  test(`is read from ${since} on`, () => {
    expect(formatRelease(KEYS[key].since)).toBe(since);
    const first = Math.max(0, RELEASES.indexOf(since));
    const end = UNTIL_3.includes(key) ? RELEASES.indexOf("3.0") : RELEASES.length;
    const readers = PROCESS_PROPERTIES.includes(key) ? [] : RELEASES.slice(first, end);
    expect(RELEASES.filter((version) => refusal(key, "no value of any type", version) !== null)).toEqual(readers);
    expect(RELEASES.filter((version) => readConf({ [key]: "" }, version).has(key))).toEqual(readers);
  });
});

describe("ranges", () => {
  test.each<[KeyName, string, readonly [string, string], readonly string[], string[]]>([
    // Key, release, the values at both ends, values beyond, the rule in words.
    ["spark.memory.storageFraction", "3.0", ["0", "0.9999"], ["-0.0001", "1"], ["must be at least 0 and below 1"]],
    ["spark.memory.storageFraction", "2.4", ["-1", "7"], [], []],
    ["spark.memory.offHeap.size", "4.1", ["0", "8191p"], ["-1"], ["must be 0 or more"]],
    [
      "spark.network.maxRemoteBlockSizeFetchToMem",
      "4.1",
      ["-1", "2147483135"],
      ["2147483136"],
      ["must be at most 2147483135"],
    ],
    ["spark.task.maxDirectResultSize", "3.5", ["-1", "2147483631"], ["2147483632"], ["must be below 2147483632"]],
    ["spark.task.maxDirectResultSize", "3.4", ["-1", "2147483632"], [], []],
    [
      "spark.shuffle.spill.maxSizeInBytesForSpillThreshold",
      "4.1",
      ["1", "9223372036854775807"],
      ["0"],
      ["must be greater than 0"],
    ],
    [
      "spark.shuffle.spill.diskWriteBufferSize",
      "3.0",
      ["13", "2147483632"],
      ["12", "2147483633"],
      ["must lie between 13 and 2147483632 (before 3.0 between 1 and 2147483647)"],
    ],
    [
      "spark.shuffle.spill.diskWriteBufferSize",
      "2.4",
      ["1", "2147483647"],
      ["0", "2147483648"],
      ["must lie between 13 and 2147483632 (before 3.0 between 1 and 2147483647)"],
    ],
    ["spark.shuffle.file.buffer", "4.1", ["1", "2097151"], ["0", "2097152"], ["must lie between 1 and 2097151"]],
    [
      "spark.shuffle.sort.initialBufferSize",
      "4.1",
      ["1", "2147483647"],
      ["0", "2147483648"],
      ["must lie between 1 and 2147483647"],
    ],
    [
      "spark.unsafe.sorter.spill.reader.buffer.size",
      "4.1",
      ["1m", "16m"],
      ["1048575", "16777217"],
      ["must lie between 1048576 and 16777216"],
    ],
    ["spark.executor.memoryOverheadFactor", "4.1", ["1e-300", "9"], ["0"], ["must be greater than 0"]],
    ["spark.driver.memoryOverheadFactor", "4.1", ["1e-300", "9"], ["0"], ["must be greater than 0"]],
    ["spark.kubernetes.memoryOverheadFactor", "4.1", ["0", "9"], ["-0.1"], ["must be 0 or more"]],
  ])("of %s in %s", (key, version, ends, beyond, rules) => {
    for (const text of ends) expect(refusal(key, text, version), text).toBeNull();
    for (const text of beyond) expect([refusal(key, text, version)?.rule], text).toEqual(rules);
  });
});

describe("texts", () => {
  test.each<[KeyName, string, string]>([
    // A typed key is trimmed, one that is not has an older reader.
    ["spark.buffer.pageSize", " 5 ", "2.4"],
    ["spark.buffer.pageSize", " 5 ", "3.0"],
    ["spark.buffer.pageSize", "-5", "3.0"],
    ["spark.storage.unrollMemoryThreshold", " 5", "3.0"],
    ["spark.testing.memory", " 5", "3.0"],
    ["spark.storage.unrollMemoryCheckPeriod", " 5", "2.4"],
    ["spark.executor.cores", " 5", "2.4"],
    ["spark.rdd.compress", " true ", "2.4"],
  ])("%s takes %j in %s", (key, text, version) => expect(refusal(key, text, version)).toBeNull());

  test.each<[KeyName, string, string]>([
    ["spark.buffer.pageSize", "-5", "2.4"],
    ["spark.storage.unrollMemoryThreshold", " 5", "2.4"],
    ["spark.testing.memory", " 5", "2.4"],
    ["spark.testing.reservedMemory", " 5", "4.1"],
    ["spark.memory.useLegacyMode", " true", "2.4"],
  ])("%s takes no %j in %s", (key, text, version) => expect(refusal(key, text, version)?.condition).toBeNull());

  test.each([
    ["4.1", "INVALID_CONF_VALUE.TYPE_MISMATCH", "INVALID_CONF_VALUE.REQUIREMENT"],
    ["4.0", null, null],
  ])("that cannot be read and values out of range have their conditions in %s", (version, mismatch, requirement) => {
    expect(refusal("spark.shuffle.file.buffer", "x", version)?.condition).toBe(mismatch);
    expect(refusal("spark.shuffle.file.buffer", "0", version)?.condition).toBe(requirement);
    // 2^53 KiB are 2^63 bytes, one more than Spark's own message can count.
    expect(refusal("spark.shuffle.file.buffer", String(2n ** 53n - 1n), version)?.condition).toBe(requirement);
    expect(refusal("spark.shuffle.file.buffer", String(2n ** 53n), version)?.condition).toBe(mismatch);
    const most = "9223372036854775807";
    expect(refusal("spark.network.maxRemoteBlockSizeFetchToMem", most, version)?.condition).toBe(requirement);
    expect(refusal("spark.executor.memoryOverheadFactor", "0", version)?.condition).toBe(requirement);
  });

  test("say in the refusal what was read and what would do", () => {
    expect(refusal("spark.memory.offHeap.size", "-1")).toMatchObject({
      name: "ConfigError",
      key: "spark.memory.offHeap.size",
      value: "-1",
      message: 'spark.memory.offHeap.size = "-1": must be 0 or more',
    });
    expect(refusal("spark.executor.memory", "1.5g")).toMatchObject({
      message:
        'spark.executor.memory = "1.5g": must be digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction',
      cause: { name: "BadValue", text: "1.5g" },
    });
  });
});

describe("a configuration", () => {
  test("is of strings, and stays as it was", () => {
    const raw: Record<string, string> = { "spark.executor.memory": "1g" };
    const conf = readConf(raw, "4.1");
    raw["spark.executor.memory"] = "2g";
    expect([conf.get("spark.executor.memory"), conf.text("spark.executor.memory")]).toEqual([1024n, "1g"]);
    expect(Object.isFrozen(conf.raw)).toBe(true);
    expect(() => readConf({ "spark.executor.cores": 4 as unknown as string }, "4.1")).toThrow(
      expect.objectContaining({
        key: "spark.executor.cores",
        condition: null,
        message: 'spark.executor.cores = "4": must be a string, as Spark\'s settings are',
      }),
    );
  });

  test("is checked key by key, but for the one whose value does not matter", () => {
    for (const key of KEY_NAMES) {
      const check = (): void => checkKeys(readConf({ [key]: "no value of any type" }, "4.1"));
      if (key === "spark.testing" || !readConf({ [key]: "" }, "4.1").has(key)) expect(check).not.toThrow();
      else expect(check).toThrow(`${key} = "no value of any type": must be `);
    }
  });

  test.each([
    ["spark.memory.offHeap.enabled", "spark.unsafe.offHeap", "true", true],
    ["spark.executor.memoryOverhead", "spark.yarn.executor.memoryOverhead", "5", 5n],
    ["spark.driver.memoryOverhead", "spark.yarn.driver.memoryOverhead", "5", 5n],
  ] as const)("knows %s by its old name %s", (key, old, text, value) => {
    const conf = readConf({ [old]: text }, "4.1");
    expect([conf.get(key), conf.text(key), conf.has(key)]).toEqual([value, text, true]);
  });
});
