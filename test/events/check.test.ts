import { describe, expect, test } from "vitest";
import { rulesOf } from "../../src/events/check.js";
import { ended, executorAdded, manager, reportEvents, started } from "./help.js";

const MIB = 2 ** 20;

/** The check of one executor that reported `onHeap` bytes. */
async function check(
  onHeap: number,
  conf: Record<string, string>,
  { version = "3.5.1", java = "17.0.1", offHeap = 0, more = [] as object[], profile = 0 } = {},
) {
  const events = [
    ...started(conf, version, java),
    ...more,
    executorAdded("1", 4, profile),
    manager("1", onHeap, offHeap),
    ended(),
  ];
  const report = await reportEvents(events);
  return { ...report.executors[0]!.check, agrees: report.agrees };
}

/** Region of a heap of so many MiB under the defaults. */
const region = (mebibytes: number, fraction = 0.6): number => Math.trunc((mebibytes - 300) * MIB * fraction);

describe("a report agrees", () => {
  test("exactly, when the configured heap gives it", async () => {
    // (8192 - 300) MiB x 0.6 = 4965217075.2 bytes
    expect(await check(4_965_217_075, { "spark.executor.memory": "8g" })).toMatchObject({
      verdict: "exact",
      configuredHeapBytes: 8192 * MIB,
      impliedHeapBytes: 8192 * MIB,
      heapFrom: "spark.executor.memory",
      agrees: true,
    });
  });

  test("with another fraction", async () => {
    const conf = { "spark.executor.memory": "8g", "spark.memory.fraction": "0.5" };
    expect(await check(region(8192, 0.5), conf)).toMatchObject({ verdict: "exact" });
    expect(await check(region(8192), conf)).toMatchObject({ verdict: "contradiction" });
  });

  test("with a survivor space left out, where the collector may have one", async () => {
    const reported = region(7282);
    const conf = { "spark.executor.memory": "8g" };
    expect(await check(reported, conf, { java: "1.8.0_392" })).toMatchObject({ verdict: "survivor", agrees: true });
    const serial = { ...conf, "spark.executor.extraJavaOptions": "-XX:+UseSerialGC" };
    expect(await check(reported, serial)).toMatchObject({ verdict: "survivor" });
    // Nobody names the collector of a Java 17: it may be the serial one.
    expect(await check(reported, conf)).toMatchObject({ verdict: "survivor" });
    const g1 = { ...conf, "spark.executor.defaultJavaOptions": "-XX:+UseG1GC" };
    expect(await check(reported, g1)).toMatchObject({ verdict: "contradiction", agrees: false });
  });

  test("down to eight ninths of the heap, and to half where flags shape the young generation", async () => {
    const conf = { "spark.executor.memory": "9g" };
    expect(await check(region(8192), conf, { java: "1.8.0_392" })).toMatchObject({ verdict: "survivor" });
    const below = region(8191.5);
    expect(await check(below, conf, { java: "1.8.0_392" })).toMatchObject({ verdict: "contradiction" });
    const shaped = { ...conf, "spark.executor.extraJavaOptions": "-XX:+UseParallelGC -Xmn4g" };
    expect(await check(below, shaped)).toMatchObject({ verdict: "survivor" });
  });

  test("rounded up to whole regions", async () => {
    expect(await check(region(9400), { "spark.executor.memory": "9397m" })).toMatchObject({ verdict: "survivor" });
    expect(await check(region(9429), { "spark.executor.memory": "9397m" })).toMatchObject({ verdict: "contradiction" });
  });

  test("with a heap that the log does not name", async () => {
    expect(await check(region(6144), {})).toMatchObject({
      verdict: "implied",
      impliedHeapBytes: 6144 * MIB,
      agrees: true,
    });
    expect(await check(region(1024), {})).toMatchObject({
      verdict: "exact",
      heapFrom: "default of spark.executor.memory",
    });
  });

  test("with a resource profile, which overrides the keys", async () => {
    const profile = (id: number, memory: number) => ({
      Event: "SparkListenerResourceProfileAdded",
      "Resource Profile Id": id,
      "Executor Resource Requests": { memory: { Amount: memory }, offHeap: { Amount: 512 } },
    });
    const conf = { "spark.executor.memory": "8g" };
    const options = { more: [profile(0, 8192), profile(2, 2048)], profile: 2, offHeap: 512 * MIB };
    expect(await check(region(2048), conf, options)).toMatchObject({
      verdict: "exact",
      heapFrom: "resource profile 2",
    });
  });

  test("off-heap, when the key gives it", async () => {
    const conf = { "spark.executor.memory": "8g", "spark.memory.offHeap.size": "1g" };
    expect(await check(region(8192), conf, { offHeap: 1024 * MIB })).toMatchObject({ verdict: "exact" });
    expect(await check(region(8192), conf, { offHeap: 1000 })).toMatchObject({ verdict: "contradiction" });
    expect(await check(region(8192), conf)).toMatchObject({ verdict: "contradiction" });
  });

  test("under the static manager", async () => {
    const conf = { "spark.executor.memory": "4g", "spark.memory.useLegacyMode": "true" };
    expect(await check(2_319_282_339, conf, { version: "2.4.8" })).toMatchObject({ verdict: "exact" });
    expect(await check(2_319_282_339, { "spark.executor.memory": "4g" }, { version: "1.5.2" })).toMatchObject({
      verdict: "exact",
      rules: "1.5 (static manager)",
    });
  });

  test("under 1.6, whose fraction was 0.75", async () => {
    expect(await check(region(4096, 0.75), { "spark.executor.memory": "4g" }, { version: "1.6.3" })).toMatchObject({
      verdict: "exact",
    });
  });
});

describe("a report contradicts", () => {
  test("when no heap of a JVM gives it", async () => {
    const off = await check(region(8192) + 1, { "spark.executor.memory": "8g" });
    expect(off).toMatchObject({ verdict: "contradiction", impliedHeapBytes: null, computedOnHeapBytes: region(8192) });
    expect(off.why).toContain("no heap that a JVM can have");
    expect(await check(1000, {})).toMatchObject({ verdict: "contradiction" });
  });

  test("when its parts do not make the whole", async () => {
    const odd = { ...manager("1", region(8192)), "Maximum Memory": 17 };
    const report = await reportEvents([...started({ "spark.executor.memory": "8g" }), odd]);
    expect(report.executors[0]!.check.verdict).toBe("contradiction");
  });
});

test("a configuration that has no layout is said, not judged", async () => {
  const bad = await check(region(8192), { "spark.executor.memory": "eight" });
  expect(bad).toMatchObject({ verdict: "refused", agrees: true });
  expect(bad.why).toContain("spark.executor.memory");
  expect(await check(5, {}, { version: "next" })).toMatchObject({ verdict: "refused" });
});

test("the rules of a version", () => {
  expect(
    ["", "1.5.2", "1.6.3", "2.1.0-SNAPSHOT", "2.4.0", "3.3.0-amzn-0", "4.1.1", "5.0.0"].map((v) => rulesOf(v).name),
  ).toEqual([
    "before 1.4 (static manager)",
    "1.5 (static manager)",
    "1.6",
    "2.1",
    "2.4",
    "3.3",
    "4.1",
    "5.0, as far as 4.1 knows",
  ]);
});
