import { describe, expect, test } from "vitest";
import { CLUSTERS, containerLayout, standaloneHeapMiB, type ContainerOptions } from "../../src/config/container.js";
import { ConfigError, readConf } from "../../src/config/keys.js";
import {
  COLLECTORS,
  executorNumbers,
  memoryLayout,
  readOuts,
  validateAtStart,
  type Collector,
  type LayoutOptions,
} from "../../src/config/layout.js";
import { layoutNotices } from "../../src/config/notices.js";

const MIB = 2n ** 20n;
const G1: LayoutOptions = { cores: 4, collector: "G1" };

function layoutOf(raw: Record<string, string>, options: Partial<LayoutOptions> = {}, version = "4.1") {
  return memoryLayout(readConf(raw, version), { ...G1, ...options });
}

function refusal(read: () => unknown): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const headerBytes = (collector: Collector, version: string) =>
  64n * MIB - layoutOf({ "spark.executor.memory": "8g" }, { collector }, version).pageBytes;

const containerOf = (raw: Record<string, string>, options: Partial<ContainerOptions> = {}, version = "4.1") =>
  containerLayout(readConf(raw, version), { cluster: "yarn", python: false, ...options });

const offHeapOf = (text: string) => ({ "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": text });

const k8s = (raw: Record<string, string>, python: boolean, version = "4.1") =>
  containerOf({ "spark.executor.memory": "10g", ...raw }, { cluster: "k8s", python }, version).overheadMiB;

const standaloneHeap = (text?: string) =>
  standaloneHeapMiB(readConf(text === undefined ? {} : { "spark.executor.memory": text }, "4.1"));

describe("unified manager", () => {
  test.each<[bigint, bigint, bigint, bigint]>([
    [471859200n, 94371840n, 47185920n, 47185920n],
    [512n * MIB, 133378867n, 66689433n, 66689434n],
    [1024n * MIB, 455501414n, 227750707n, 227750707n],
    [4096n * MIB, 2388236697n, 1194118348n, 1194118349n],
    [8192n * MIB, 4965217075n, 2482608537n, 2482608538n],
    [16384n * MIB, 10119177830n, 5059588915n, 5059588915n],
    [32768n * MIB, 20427099340n, 10213549670n, 10213549670n],
  ])("heap %s", (heap, total, storage, execution) => {
    const layout = layoutOf({ "spark.testing.memory": String(heap) });
    expect(layout.onHeap).toEqual({ total, protectedStorage: storage, execution, storage });
    expect(layout.user + layout.reserved + total).toBe(heap);
    expect(readOuts(layout).maxOnHeapStorage).toBe(total);
  });

  test("scenarios U6 and U7 of the law", () => {
    const raw = {
      "spark.testing.memory": "1048576",
      "spark.testing.reservedMemory": "307200",
      "spark.memory.fraction": "0.8",
    };
    expect(layoutOf(raw).onHeap.total).toBe(593100n);
    expect(refusal(() => layoutOf({ ...raw, "spark.testing.memory": "153600" }))).toMatchObject({
      condition: "INVALID_DRIVER_MEMORY",
      key: "spark.driver.memory",
    });
    expect(refusal(() => layoutOf({ ...raw, "spark.executor.memory": "153600" }))).toMatchObject({
      condition: "INVALID_EXECUTOR_MEMORY",
      key: "spark.executor.memory",
    });
  });

  test("the first check that fails names the error", () => {
    const bad = {
      "spark.testing.memory": "1000",
      "spark.executor.memory": "4096",
      "spark.memory.fraction": "half",
      "spark.memory.storageFraction": "2",
      "spark.memory.offHeap.size": "-1",
      "spark.memory.offHeap.enabled": "yes",
      "spark.buffer.pageSize": "1.5m",
    };
    const repairs: readonly [string, string, string | null][] = [
      ["spark.testing.memory", "8589934592", "INVALID_DRIVER_MEMORY"],
      ["spark.executor.memory", "8g", "INVALID_EXECUTOR_MEMORY"],
      ["spark.memory.fraction", "0", "INVALID_CONF_VALUE.TYPE_MISMATCH"],
      ["spark.memory.storageFraction", "0.5", "INVALID_CONF_VALUE.REQUIREMENT"],
      ["spark.memory.fraction", "0.6", null],
      ["spark.memory.offHeap.size", "0", "INVALID_CONF_VALUE.REQUIREMENT"],
      ["spark.memory.offHeap.enabled", "true", "INVALID_CONF_VALUE.TYPE_MISMATCH"],
      ["spark.memory.offHeap.size", "1g", null],
      ["spark.buffer.pageSize", "1m", "INVALID_CONF_VALUE.TYPE_MISMATCH"],
    ];
    let raw: Record<string, string> = bad;
    for (const [key, repaired, condition] of repairs) {
      expect(refusal(() => layoutOf(raw)).condition, `before ${key} is repaired`).toBe(condition);
      raw = { ...raw, [key]: repaired };
    }
    expect(layoutOf(raw).pageBytes).toBe(MIB);
  });

  test("conditions have names from 3.5 on", () => {
    const raw = { "spark.testing.memory": "1000" };
    expect(refusal(() => layoutOf(raw, {}, "3.4.1")).condition).toBeNull();
    expect(refusal(() => layoutOf(raw, {}, "3.5.0")).condition).toBe("INVALID_DRIVER_MEMORY");
  });

  test("off-heap pools come from the size alone, the mode from the switch", () => {
    const size = { "spark.memory.offHeap.size": "1001", "spark.executor.memory": "8g" };
    const off = layoutOf(size);
    expect(off.offHeap).toEqual({ total: 1001n, protectedStorage: 500n, execution: 501n, storage: 500n });
    expect([off.tungstenMode, off.offHeapEnabled]).toEqual([0, false]);
    expect(layoutOf({ ...size, "spark.memory.offHeap.enabled": "true" })).toMatchObject({
      tungstenMode: 1,
      pageBytes: MIB,
    });
  });

  test("before 3.0 storage may take all; from 3.0 on it may not", () => {
    const raw = { "spark.testing.memory": "8589934592", "spark.memory.storageFraction": "1" };
    expect(layoutOf(raw, {}, "2.4").onHeap.execution).toBe(0n);
    expect(() => layoutOf(raw, {}, "3.0.3")).toThrow(ConfigError);
  });

  test("the derived read-outs", () => {
    const layout = layoutOf({ "spark.executor.memory": "8g", "spark.memory.offHeap.size": "1000" });
    expect(readOuts(layout, [75n, 20n], [400n, 3n])).toEqual({
      maxOnHeapStorage: 4965217000n,
      maxOffHeapStorage: 600n,
      executionUsed: 475n,
      storageUsed: 23n,
    });
  });

  test("a session's start refuses what a manager would take", () => {
    const conf = readConf({ "spark.memory.fraction": "1.5", "spark.testing.memory": "8589934592" }, "4.1");
    expect(memoryLayout(conf, G1).onHeap.total).toBeGreaterThan(8589934592n);
    expect(refusal(() => validateAtStart(conf))).toMatchObject({ key: "spark.memory.fraction", condition: null });
    expect(() => validateAtStart(readConf({ "spark.shuffle.safetyFraction": "2" }, "2.4"))).toThrow(ConfigError);
    expect(() => validateAtStart(readConf({ "spark.shuffle.safetyFraction": "2" }, "3.5"))).not.toThrow();
  });
});

describe("page size", () => {
  test.each<[string, readonly number[]]>([
    ["1g", [16, 8, 4, 2, 1]],
    ["4g", [64, 64, 32, 16, 8]],
    ["8g", [64, 64, 64, 32, 16]],
    ["16g", [64, 64, 64, 64, 32]],
  ])("heap %s on 1, 2, 4, 8 and 16 cores", (memory, mebibytes) => {
    const conf = { "spark.executor.memory": memory };
    const pages = [1, 2, 4, 8, 16].map((cores) => layoutOf(conf, { cores, collector: "other" }).pageBytes / MIB);
    expect(pages).toEqual(mebibytes.map(BigInt));
  });

  test("the header of an array is left out under collectors with regions", () => {
    expect(["2.4", "3.2.0", "3.3.0", "4.1"].map((version) => headerBytes("G1", version))).toEqual([0n, 0n, 16n, 16n]);
    expect(["4.0", "4.1"].map((version) => headerBytes("ZGC", version))).toEqual([0n, 16n]);
    expect(["4.0", "4.1"].map((version) => headerBytes("Shenandoah", version))).toEqual([0n, 16n]);
    expect(headerBytes("other", "4.1")).toBe(0n);
  });

  test("without cores the processors count", () => {
    const conf = { "spark.executor.memory": "1g" };
    expect(layoutOf(conf, { cores: 0, processors: 8, collector: "other" }).pageBytes).toBe(2n * MIB);
  });

  test("a configured size is taken as it is", () => {
    for (const text of ["1", "0", "-1k", "3p"]) {
      const conf = readConf({ "spark.executor.memory": "8g", "spark.buffer.pageSize": text }, "4.1");
      expect(memoryLayout(conf, G1).pageBytes).toBe(conf.get("spark.buffer.pageSize"));
    }
  });
});

describe("static manager", () => {
  const legacy = { "spark.memory.useLegacyMode": "true" };

  test.each<[string, bigint, bigint, bigint]>([
    ["1g", 579820584n, 171798691n, 115964116n],
    ["4g", 2319282339n, 687194767n, 463856467n],
    ["8g", 4638564679n, 1374389534n, 927712935n],
  ])("heap %s", (memory, storage, execution, maxUnroll) => {
    const layout = layoutOf({ ...legacy, "spark.executor.memory": memory }, {}, "2.4");
    expect(layout).toMatchObject({ manager: "static", reserved: 0n, maxUnroll, onHeap: { storage, execution } });
    expect(executorNumbers(readConf({}, "2.4"), layout).maxUnroll).toBe(Number(maxUnroll));
    expect(readOuts(layout, [100n, 0n])).toMatchObject({ maxOnHeapStorage: storage, maxOffHeapStorage: 0n });
  });

  test("all off-heap memory is execution's, but the page size follows the undone split, as real Spark 2.4.8 answers", () => {
    const raw = {
      ...legacy,
      "spark.testing.memory": "2000000000",
      "spark.memory.offHeap.enabled": "true",
      "spark.memory.offHeap.size": "1g",
      "spark.memory.storageFraction": "0.9",
    };
    const layout = layoutOf(raw, { cores: 1 }, "2.4");
    expect(layout).toMatchObject({ offHeap: { execution: 1024n * MIB, storage: 0n }, pageBytes: 8n * MIB });
  });

  test("32 MiB is the least", () => {
    expect(() => layoutOf({ ...legacy, "spark.testing.memory": "33554431" }, {}, "2.4")).toThrow(ConfigError);
    expect(layoutOf({ ...legacy, "spark.testing.memory": "33554432" }, {}, "2.4").manager).toBe("static");
    expect(layoutOf({ ...legacy, "spark.executor.memory": "1g" }, {}, "3.5").manager).toBe("unified");
  });
});

describe("off-heap sizes without a unit", () => {
  const noticesOf = (size: string): string[] => {
    const conf = readConf({ "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": size }, "4.1");
    const layout = memoryLayout(conf, { ...G1, heapBytes: 8n << 30n });
    const notices = layoutNotices(conf, layout, { cluster: "standalone", python: false, container: null });
    return notices.filter(({ key }) => key === "spark.memory.offHeap.size").map(({ code }) => code);
  };

  test.each(["4096", " 1000000 ", "33554431"])("%j is told to be bytes", (size) => {
    expect(noticesOf(size)).toEqual(["bare-off-heap-size"]);
  });

  test.each(["33554432", "4294967296", "4096b", "4m"])("%j is meant", (size) => {
    expect(noticesOf(size)).toEqual([]);
  });
});

describe("plain numbers", () => {
  test("what an account can hold is narrowed, the rest is refused by name", () => {
    const raw = { "spark.executor.memory": "8g", "spark.memory.offHeap.size": "1g" };
    const conf = readConf(raw, "4.1");
    expect(executorNumbers(conf, memoryLayout(conf, G1))).toEqual({
      manager: "unified",
      onHeap: { total: 4965217075, protectedStorage: 2482608537, execution: 2482608538, storage: 2482608537 },
      offHeap: { total: 2 ** 30, protectedStorage: 2 ** 29, execution: 2 ** 29, storage: 2 ** 29 },
      maxUnroll: null,
      pageBytes: 67108848,
      tungstenMode: 0,
      offHeapEnabled: false,
    });
    const huge = readConf({ ...raw, "spark.memory.offHeap.size": "9p" }, "4.1");
    expect(refusal(() => executorNumbers(huge, memoryLayout(huge, G1))).key).toBe("spark.memory.offHeap.size");
  });
});

describe("containers", () => {
  test.each<[number, bigint, bigint]>([
    [1024, 384n, 1408n],
    [3840, 384n, 4224n],
    [3850, 385n, 4235n],
    [8192, 819n, 9011n],
    [10240, 1024n, 11264n],
    [20000, 2000n, 22000n],
  ])("a heap of %d MiB", (heap, overheadMiB, totalMiB) => {
    expect(containerOf({ "spark.executor.memory": `${heap}m` })).toMatchObject({ overheadMiB, totalMiB });
  });

  test("off-heap memory is counted from 3.0 on, when enabled, and wraps at 32 bits", () => {
    expect(containerOf(offHeapOf("2g")).totalMiB).toBe(1024n + 384n + 2048n);
    expect(containerOf(offHeapOf("2g"), {}, "2.4")).toMatchObject({ offHeapMiB: 0n, totalMiB: 1408n });
    expect(containerOf(offHeapOf("2g"), {}, "3.0")).toMatchObject({ offHeapMiB: 2048n, totalMiB: 3456n });
    expect(containerOf(offHeapOf("5p")).offHeapMiB).toBe(1073741824n);
    for (const text of ["1048575", "2p", "3p", "4p"])
      expect(refusal(() => containerOf(offHeapOf(text))).condition).toBeNull();
  });

  test("python memory is counted for Python, and read always", () => {
    const raw = { "spark.executor.pyspark.memory": "512m" };
    expect(containerOf(raw).pysparkMiB).toBe(0n);
    expect(containerOf(raw, { python: true }).pysparkMiB).toBe(512n);
    expect(() => containerOf({ "spark.executor.pyspark.memory": "-1" })).toThrow(ConfigError);
    expect(containerOf({ "spark.executor.pyspark.memory": "-1k" }, { python: true }).pysparkMiB).toBe(0n);
  });

  test("factor and least overhead", () => {
    expect(containerOf({ "spark.executor.memoryOverheadFactor": "0.5" }).overheadMiB).toBe(512n);
    expect(containerOf({ "spark.executor.memoryOverheadFactor": "0.5" }, {}, "3.2.0").overheadMiB).toBe(384n);
    expect(containerOf({ "spark.executor.minMemoryOverhead": "1g" }).overheadMiB).toBe(1024n);
    expect(containerOf({ "spark.executor.minMemoryOverhead": "1g" }, {}, "3.5").overheadMiB).toBe(384n);
    expect(containerOf({ "spark.executor.memory": "10g", "spark.executor.minMemoryOverhead": "-1" }).overheadMiB).toBe(
      1024n,
    );
  });

  test("Kubernetes has a factor of its own and gives Python more", () => {
    expect([k8s({}, false), k8s({}, true)]).toEqual([1024n, 4096n]);
    expect(k8s({ "spark.kubernetes.memoryOverheadFactor": "0.2" }, true)).toBe(2048n);
    const both = { "spark.kubernetes.memoryOverheadFactor": "0.2", "spark.executor.memoryOverheadFactor": "0.3" };
    expect([k8s(both, false), k8s(both, false, "3.2.0")]).toEqual([3072n, 2048n]);
  });

  test("a standalone worker reads a bare heap as bytes, 1024 MiB when unset", () => {
    expect([standaloneHeap(), standaloneHeap("4096"), standaloneHeap("4g"), standaloneHeap("5000000000")]).toEqual([
      1024n,
      0n,
      4096n,
      4768n,
    ]);
  });
});

describe("what is refused says why", () => {
  const OFF_HEAP_ON = { "spark.memory.offHeap.enabled": "true" };

  test.each<[string, Record<string, string>, string, string | null, string]>([
    [
      "a heap below one and a half times the reserve",
      { "spark.testing.memory": "471859199" },
      "4.1",
      "INVALID_DRIVER_MEMORY",
      'spark.driver.memory = "471859199": system memory of 471859199 bytes (450.0 MiB) is below the least of 471859200 bytes (450.0 MiB); on an executor raise spark.executor.memory',
    ],
    [
      "a configured heap below it",
      { "spark.testing.memory": "8589934592", "spark.executor.memory": "449m" },
      "4.1",
      "INVALID_EXECUTOR_MEMORY",
      'spark.executor.memory = "449m": executor memory of 470810624 bytes (449.0 MiB) is below the least of 471859200 bytes (450.0 MiB)',
    ],
    [
      "a configured heap that is read as bytes",
      { "spark.executor.memory": " 4096 " },
      "3.4",
      null,
      'spark.executor.memory = " 4096 ": executor memory of 4096 bytes (4.0 KiB) is below the least of 471859200 bytes (450.0 MiB); the start-up check reads a number without unit as bytes, add a unit (m or g)',
    ],
    [
      "a heap of less than nothing",
      { "spark.executor.memory": "-1g" },
      "4.1",
      null,
      'spark.executor.memory = "-1g": must not be negative',
    ],
    [
      "a heap of 2^63 bytes",
      { "spark.executor.memory": "8796093022208m" },
      "4.1",
      null,
      'spark.executor.memory = "8796093022208m": must be below 2^63 bytes',
    ],
    [
      "no execution memory",
      { "spark.memory.fraction": "0" },
      "3.0",
      null,
      'spark.memory.fraction = "0": leaves no execution memory (M - R must be greater than 0)',
    ],
    [
      "pools of less than nothing",
      { "spark.memory.fraction": "-1" },
      "2.4",
      null,
      'spark.memory.fraction = "-1": leaves a pool with less than 0 bytes',
    ],
    [
      "off-heap pools of less than nothing",
      {
        "spark.testing.memory": "471859200",
        "spark.memory.fraction": "0",
        "spark.memory.storageFraction": "2",
        "spark.memory.offHeap.size": "10",
      },
      "2.4",
      null,
      'spark.memory.storageFraction = "2": leaves a pool with less than 0 bytes',
    ],
    [
      "off-heap memory of nothing",
      OFF_HEAP_ON,
      "4.1",
      null,
      'spark.memory.offHeap.size = "0": must be greater than 0 when spark.memory.offHeap.enabled is true',
    ],
    [
      "a static manager below 32 MiB",
      { "spark.memory.useLegacyMode": "true", "spark.testing.memory": "33554432", "spark.executor.memory": "31m" },
      "2.4",
      null,
      'spark.executor.memory = "31m": executor memory of 32505856 bytes (31.0 MiB) is below the least of 33554432 bytes (32.0 MiB)',
    ],
  ])("%s", (_what, raw, version, condition, message) => {
    expect(refusal(() => layoutOf(raw, {}, version))).toMatchObject({ condition, message });
  });

  test.each<[string, Record<string, string>, string]>([
    ["heap", { "spark.executor.memory": "-1" }, 'spark.executor.memory = "-1": must not be negative'],
    [
      "overhead",
      { "spark.executor.memoryOverhead": "-1" },
      'spark.executor.memoryOverhead = "-1": must not be negative',
    ],
    [
      "off-heap part below a MiB",
      { ...OFF_HEAP_ON, "spark.memory.offHeap.size": "1048575" },
      'spark.memory.offHeap.size = "1048575": must come to at least 1 MiB, below 2^31 MiB, when off-heap memory is enabled (a number without a unit is bytes)',
    ],
    [
      "off-heap part of nothing",
      OFF_HEAP_ON,
      'spark.memory.offHeap.size = "0": must come to at least 1 MiB, below 2^31 MiB, when off-heap memory is enabled (a number without a unit is bytes)',
    ],
  ])("a container: %s", (_what, raw, message) => {
    expect(refusal(() => containerOf(raw))).toMatchObject({ condition: null, message });
  });

  test.each<[string, Record<string, string>, string]>([
    [
      "a region",
      { "spark.testing.memory": "1048576000000000000" },
      'spark.testing.memory = "629145599811256320": gives more than 2^53 - 1 bytes, the most that is accounted here',
    ],
    [
      "a heap",
      { "spark.executor.memory": "1p", "spark.memory.fraction": "16" },
      'spark.executor.memory = "18014393476317184": gives more than 2^53 - 1 bytes, the most that is accounted here',
    ],
    [
      "a page",
      { "spark.buffer.pageSize": "8p" },
      'spark.buffer.pageSize = "9007199254740992": gives more than 2^53 - 1 bytes, the most that is accounted here',
    ],
  ])("an account: %s", (_what, raw, message) => {
    const conf = readConf(raw, "4.1");
    expect(refusal(() => executorNumbers(conf, memoryLayout(conf, G1)))).toMatchObject({ condition: null, message });
  });

  test.each([
    "spark.memory.fraction",
    "spark.memory.storageFraction",
    "spark.storage.memoryFraction",
    "spark.storage.safetyFraction",
    "spark.storage.unrollFraction",
    "spark.shuffle.memoryFraction",
    "spark.shuffle.safetyFraction",
  ])("at the start of a session: %s", (key) => {
    for (const text of ["0", "1"]) expect(() => validateAtStart(readConf({ [key]: text }, "2.4"))).not.toThrow();
    for (const text of ["-0.01", "1.01"])
      expect(refusal(() => validateAtStart(readConf({ [key]: text }, "2.4"))).message).toBe(
        `${key} = "${text}": must lie between 0 and 1`,
      );
  });
});

test("the names that a command line offers", () => {
  expect(CLUSTERS).toEqual(["yarn", "k8s", "standalone"]);
  expect(COLLECTORS).toEqual(["G1", "ZGC", "Shenandoah", "other"]);
});

describe("at the borders", () => {
  test("the least heap is enough, and the reserve can be another or none", () => {
    expect(layoutOf({ "spark.testing.memory": "471859200" }).reserved).toBe(300n * MIB);
    expect(layoutOf({ "spark.testing.memory": "15", "spark.testing.reservedMemory": "10" }).onHeap.total).toBe(3n);
    expect(layoutOf({ "spark.testing.memory": "100", "spark.testing": "no" })).toMatchObject({
      reserved: 0n,
      user: 40n,
      onHeap: { total: 60n },
    });
    expect(layoutOf({ "spark.executor.memory": "450m" }).heap).toBe(450n * MIB);
    expect(
      layoutOf(
        { "spark.executor.memory": "0", "spark.testing.reservedMemory": "0", "spark.memory.fraction": "1" },
        {},
        "2.4",
      ).heap,
    ).toBe(0n);
  });

  test("the heap is what tests say, else what the caller says, else what is launched", () => {
    const raw = { "spark.executor.memory": "2g" };
    expect(layoutOf(raw).heap).toBe(2048n * MIB);
    expect(layoutOf(raw, { heapBytes: 1000n * MIB }).heap).toBe(1000n * MIB);
    expect(layoutOf({ ...raw, "spark.testing.memory": "471859200" }, { heapBytes: 1000n * MIB }).heap).toBe(450n * MIB);
  });

  test("pages lie between 1 and 64 MiB, and round up to a power of two", () => {
    const page = (offHeapBytes: bigint, cores = 1): bigint =>
      layoutOf(
        { ...offHeapOf(String(offHeapBytes)), "spark.memory.storageFraction": "0", "spark.executor.memory": "8g" },
        { cores },
      ).pageBytes;
    expect([1n, 16n * MIB, 16n * MIB + 15n, 16n * MIB + 16n, 32n * MIB].map((bytes) => page(bytes))).toEqual([
      MIB,
      MIB,
      MIB,
      2n * MIB,
      2n * MIB,
    ]);
    expect([1024n * MIB, 1024n * MIB + 16n, 4096n * MIB].map((bytes) => page(bytes))).toEqual([
      64n * MIB,
      64n * MIB,
      64n * MIB,
    ]);
    expect(page(1024n * MIB, 3)).toBe(32n * MIB);
  });

  test("a machine of unknown processors has one", () => {
    const conf = { "spark.executor.memory": "1g" };
    for (const cores of [0, -3]) expect(layoutOf(conf, { cores, collector: "other" }).pageBytes).toBe(16n * MIB);
  });

  test("what a layout is cannot be changed", () => {
    const layout = layoutOf({ "spark.executor.memory": "1g" });
    const conf = readConf({}, "4.1");
    for (const made of [layout, layout.onHeap, layout.offHeap, executorNumbers(conf, layout), containerOf({})])
      expect(Object.isFrozen(made)).toBe(true);
  });
});
