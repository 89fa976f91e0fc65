import { describe, expect, test } from "vitest";
import { drawRegions } from "../../src/cli/drawing.js";
import { layoutCommand } from "../../src/cli/layout.js";
import { parseJson } from "../../src/trace/json.js";
import { run } from "./run.js";

const conf = (raw: Record<string, string>): string[] =>
  Object.entries(raw).flatMap(([key, value]) => ["--conf", `${key}=${value}`]);

async function json(raw: Record<string, string>, ...args: string[]) {
  const { code, out, err } = await run(layoutCommand(), [...conf(raw), "--json", ...args]);
  expect(err).toBe("");
  expect(out.endsWith("\n")).toBe(true);
  expect(out.trim().split("\n")).toHaveLength(1);
  return { code, value: parseJson(out) };
}

describe("layout --json", () => {
  test("an ordinary executor", async () => {
    expect(await json({ "spark.executor.memory": "8g" }, "--cores", "4")).toEqual({
      code: 0,
      value: {
        heap: 8589934592,
        reserved: 314572800,
        user: 3310144717,
        unified: 4965217075,
        onHeap: { execution: 2482608538, storage: 2482608537 },
        offHeap: { execution: 0, storage: 0 },
        pageSize: 67108848,
        container: { heapMiB: 8192, overheadMiB: 819, offHeapMiB: 0, pysparkMiB: 0, totalMiB: 9011 },
        notices: [],
      },
    });
  });

  test("every flag counts", async () => {
    const raw = { "spark.executor.memory": "10g", "spark.executor.pyspark.memory": "1g" };
    const { value } = await json(
      raw,
      "--cluster",
      "k8s",
      "--python",
      "--generation",
      "3.5",
      "--collector",
      "other",
      "--cores",
      "32",
    );
    expect(value).toMatchObject({
      pageSize: 8388608,
      container: { overheadMiB: 4096, pysparkMiB: 1024, totalMiB: 15360 },
    });
    expect((await json(raw, "--cluster", "standalone")).value).toMatchObject({ heap: 10737418240, container: null });
    expect(
      (await json({ "spark.executor.memory": "4g", "spark.executor.cores": "8" }, "--collector", "other")).value,
    ).toMatchObject({
      pageSize: 16777216,
    });
  });

  test("the static manager in legacy mode", async () => {
    const raw = { "spark.executor.memory": "1g", "spark.memory.useLegacyMode": "true" };
    expect((await json(raw, "--generation", "2.4")).value).toMatchObject({
      reserved: 0,
      unified: 579820584 + 171798691,
      user: 2 ** 30 - 579820584 - 171798691,
      onHeap: { execution: 171798691, storage: 579820584 },
    });
  });

  test("integers beyond 2^53 are written exactly", async () => {
    const { out } = await run(layoutCommand(), [
      ...conf({ "spark.memory.offHeap.size": "9223372036854775807", "spark.memory.storageFraction": "0" }),
      "--json",
    ]);
    expect(out).toContain('"offHeap":{"execution":9223372036854775807,"storage":0}');
  });

  test.each<[string, Record<string, string>, object]>([
    [
      "bare heap",
      { "spark.executor.memory": "4096" },
      { condition: "INVALID_EXECUTOR_MEMORY", key: "spark.executor.memory", value: "4096" },
    ],
    [
      "small heap",
      { "spark.executor.memory": "400m" },
      { condition: "INVALID_DRIVER_MEMORY", key: "spark.driver.memory", value: "419430400" },
    ],
    [
      "off-heap without size",
      { "spark.memory.offHeap.enabled": "true" },
      { condition: null, key: "spark.memory.offHeap.size", value: "0" },
    ],
    [
      "unit on a plain number",
      { "spark.storage.unrollMemoryThreshold": "1m" },
      { condition: "INVALID_CONF_VALUE.TYPE_MISMATCH", key: "spark.storage.unrollMemoryThreshold", value: "1m" },
    ],
    [
      "fraction above 1",
      { "spark.memory.fraction": "1.5" },
      { condition: null, key: "spark.memory.fraction", value: "1.5" },
    ],
    [
      "negative overhead",
      { "spark.executor.memoryOverhead": "-1" },
      { condition: null, key: "spark.executor.memoryOverhead", value: "-1" },
    ],
    [
      "negative heap",
      { "spark.executor.memory": "-1g" },
      { condition: null, key: "spark.executor.memory", value: "-1g" },
    ],
  ])("%s is refused", async (_, raw, error) => {
    const { code, value } = await json(raw);
    expect(code).toBe(1);
    expect(value).toEqual({ error: { ...error, message: expect.stringContaining("") as string } });
  });

  test("a misspelt key is a notice with a suggestion", async () => {
    expect((await json({ "spark.memory.offHeap.sise": "1g" })).value).toMatchObject({
      notices: [
        {
          code: "misspelt-key",
          key: "spark.memory.offHeap.sise",
          message: expect.stringContaining("spark.memory.offHeap.size") as string,
        },
      ],
    });
  });
});

describe("layout for people", () => {
  test("a drawing in 80 columns, exact bytes, notices, no colour off a terminal", async () => {
    const raw = {
      "spark.executor.memory": "8g",
      "spark.memory.offHeap.enabled": "true",
      "spark.memory.offHeap.size": "2g",
      "spark.buffer.pageSize": "3m",
    };
    const { code, out, err } = await run(layoutCommand(), conf(raw));
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("4965217075 bytes");
    expect(out).toContain("notice page-size-verbatim:");
    expect(out).not.toContain("\u001b[");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("a refusal says what and why on standard error", async () => {
    const { code, out, err } = await run(
      layoutCommand(),
      conf({ "spark.executor.memory": "4096", "spark.memory.fractoin": "1" }),
    );
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("refused (INVALID_EXECUTOR_MEMORY)");
    expect(err).toContain("add a unit");
    expect(err.replace(/\s+/g, " ")).toContain("did you mean spark.memory.fraction?");
  });

  test("a setting without a value is a usage error", async () => {
    await expect(run(layoutCommand(), ["--conf", "spark.executor.memory"])).rejects.toThrow(/key=value/);
  });
});

describe("drawing", () => {
  test("regions are to scale and under their whole", () => {
    const parts = [
      { name: "a", bytes: 300n },
      { name: "bb", bytes: 700n },
    ];
    expect(
      drawRegions(
        [
          { name: "whole", bytes: 1000n, parts },
          { name: "x", bytes: 1000n },
        ],
        41,
      ),
    ).toEqual([
      "┌───────────────────┬───────────────────┐",
      "│       whole       │         x         │",
      "├─────┬─────────────┼───────────────────┘",
      "│  a  │     bb      │",
      "└─────┴─────────────┘",
    ]);
  });

  test("what is tiny is still seen, what has no room is left out, what is empty is not drawn", () => {
    const tiny = {
      name: "tiny",
      bytes: 1n,
      parts: [
        { name: "p", bytes: 1n },
        { name: "q", bytes: 1n },
      ],
    };
    expect(drawRegions([{ name: "huge", bytes: 10n ** 18n }, tiny, { name: "none", bytes: 0n }], 20)).toEqual([
      "┌────────────────┬─┐",
      "│      huge      │ │",
      "└────────────────┴─┘",
    ]);
  });
});
