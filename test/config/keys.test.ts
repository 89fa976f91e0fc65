import { describe, expect, test } from "vitest";
import { checkKeys, ConfigError, executorMemoryBareBytes, KEY_NAMES, KEYS, readConf } from "../../src/config/keys.js";
import { keyNotices } from "../../src/config/notices.js";
import { Refusal } from "../../src/fault.js";
import { DEFAULT_GENERATION, formatRelease, releaseOf, ruledRelease } from "../../src/config/release.js";

function refusal(read: () => unknown): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("reading keys", () => {
  test("an empty configuration gives the defaults of every release", () => {
    for (const version of ["2.4", "3.0.3", "3.5", "4.1"]) {
      const conf = readConf({}, version);
      checkKeys(conf);
      for (const key of KEY_NAMES) expect(conf.get(key)).toBe(KEYS[key].fallback);
    }
  });

  test("bytes are counted in the key's own unit", () => {
    const conf = readConf(
      { "spark.executor.memory": "8g", "spark.memory.offHeap.size": "100", "spark.shuffle.file.buffer": "1m" },
      "4.1",
    );
    expect(conf.get("spark.executor.memory")).toBe(8192n);
    expect(conf.get("spark.memory.offHeap.size")).toBe(100n);
    expect(conf.get("spark.shuffle.file.buffer")).toBe(1024n);
  });

  test("a text that cannot be read names key, value, rule, and from 4.1 on a condition", () => {
    const conf = { "spark.storage.unrollMemoryThreshold": "1m" };
    const error = refusal(() => readConf(conf, "4.1").get("spark.storage.unrollMemoryThreshold"));
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({
      key: "spark.storage.unrollMemoryThreshold",
      value: "1m",
      rule: "must be a whole number of 64 bits without unit",
      condition: "INVALID_CONF_VALUE.TYPE_MISMATCH",
    });
    expect(refusal(() => readConf(conf, "4.0.1").get("spark.storage.unrollMemoryThreshold")).condition).toBeNull();
  });

  test("a value out of range is a requirement", () => {
    const conf = { "spark.memory.storageFraction": "1.0" };
    expect(refusal(() => readConf(conf, "4.1").get("spark.memory.storageFraction")).condition).toBe(
      "INVALID_CONF_VALUE.REQUIREMENT",
    );
    expect(refusal(() => readConf(conf, "3.5").get("spark.memory.storageFraction")).condition).toBeNull();
    expect(readConf(conf, "2.4").get("spark.memory.storageFraction")).toBe(1);
  });

  test("an old name is read when the new one is absent", () => {
    const old = { "spark.unsafe.offHeap": "true", "spark.yarn.executor.memoryOverhead": "1g" };
    const conf = readConf(old, "4.1");
    expect(conf.get("spark.memory.offHeap.enabled")).toBe(true);
    expect(conf.get("spark.executor.memoryOverhead")).toBe(1024n);
    const both = readConf({ ...old, "spark.memory.offHeap.enabled": "false" }, "4.1");
    expect(both.get("spark.memory.offHeap.enabled")).toBe(false);
    expect(keyNotices(both).map(({ code, key }) => [code, key])).toEqual([
      ["deprecated-key", "spark.unsafe.offHeap"],
      ["deprecated-key", "spark.yarn.executor.memoryOverhead"],
    ]);
  });

  test("a key that this release does not read is not checked", () => {
    const conf = readConf({ "spark.executor.minMemoryOverhead": "x", "spark.memory.debugFill": "x" }, "3.5");
    expect(conf.get("spark.executor.minMemoryOverhead")).toBe(384n);
    expect(keyNotices(conf).map(({ code }) => code)).toEqual(["key-not-yet-read", "process-property"]);
    expect(() => checkKeys(conf)).not.toThrow();
  });

  test("untyped reads take no blanks and no minus", () => {
    const raw = { "spark.testing.reservedMemory": " 5", "spark.buffer.pageSize": "-1" };
    expect(refusal(() => readConf(raw, "4.1").get("spark.testing.reservedMemory")).condition).toBeNull();
    expect(readConf(raw, "4.1").get("spark.buffer.pageSize")).toBe(-1n);
    expect(() => readConf(raw, "2.4").get("spark.buffer.pageSize")).toThrow(ConfigError);
  });

  test("the start-up check reads a bare heap as bytes", () => {
    const conf = readConf({ "spark.executor.memory": "4096" }, "4.1");
    expect(conf.get("spark.executor.memory")).toBe(4096n);
    expect(executorMemoryBareBytes(conf)).toBe(4096n);
    expect(executorMemoryBareBytes(readConf({}, "4.1"))).toBeNull();
  });

  test("names of Object's own properties are ordinary keys", () => {
    const conf = readConf({ constructor: "1", "spark.toString": "2", undefined: "x" }, "4.1");
    expect(conf.get("spark.executor.memory")).toBe(1024n);
    expect(keyNotices(conf).map(({ code }) => code)).toEqual(["not-a-spark-key", "unknown-key", "not-a-spark-key"]);
  });
});

describe("releases", () => {
  test("versions compare as numbers", () => {
    expect(["2.4", "2.4.8", "3.10.0", "4.1.1-SNAPSHOT"].map(releaseOf)).toEqual([204, 204, 310, 401]);
    expect(["2.0", "12.34", "4.1-preview2", "3.5."].map(releaseOf)).toEqual([200, 1234, 401, 305]);
    for (const bad of ["4", "latest", "4.1x", "", "v4.1", "4.100", ".1", "x.4.1"])
      expect(() => releaseOf(bad)).toThrow(new Refusal(`"${bad}" is not a Spark version such as 3.5 or 4.1.1`));
    expect(DEFAULT_GENERATION).toBe("4.1");
    expect([200, 305, 310, 401].map(formatRelease)).toEqual(["2.0", "3.5", "3.10", "4.1"]);
  });

  test("rules are known from 2.4 to 4.1", () => {
    expect(["2.4.0", "3.0.3", "4.1.9"].map(ruledRelease)).toEqual([204, 300, 401]);
    for (const other of ["1.6.3", "2.3.4", "4.2.0", "9.9"])
      expect(() => ruledRelease(other)).toThrow(
        new Refusal(`the rules of Spark ${other} are not known here: 2.4 is the oldest and 4.1 the newest`),
      );
  });
});
