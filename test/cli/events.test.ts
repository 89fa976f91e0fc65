import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsCommand } from "../../src/cli/events.js";
import { logNames, LOGS, logText } from "../events/help.js";
import { run } from "./run.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "events-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, contents: string): string {
  const file = join(folder, name);
  writeFileSync(file, contents);
  return file;
}

const log = (name: string): string => LOGS + logNames.find((each) => each.startsWith(name))!;

describe("events", () => {
  test("tells a log in words", async () => {
    const { code, out, err } = await run(eventsCommand(), [log("spark3.2.1")]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("Maximum Memory 415550668 on-heap");
    expect(out).toContain("the JVM reported 960.5 MiB of 1024 MiB");
    expect(out).toContain("12 tasks spilled 553648128 bytes of memory, 118948980 on disk");
    expect(out).toContain("spark.driver.memory  1024m (default of spark.driver.memory) -> 2453m");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  test.each(logNames)("tells %s", async (name) => {
    const { code, out } = await run(eventsCommand(), [LOGS + name]);
    expect(code).toBe(0);
    expect(out).not.toMatch(/undefined|NaN|null|Infinity/);
  });

  test("gives one JSON object", async () => {
    const { code, out } = await run(eventsCommand(), [log("spark1.3"), "--json"]);
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(Object.keys(report)).toEqual([
      "kind",
      "file",
      "application",
      "events",
      "agrees",
      "executors",
      "tasks",
      "peakTask",
      "neediestTask",
      "stages",
      "killedForMemory",
      "cached",
      "history",
      "advice",
      "notTold",
    ]);
    expect(report).toMatchObject({ kind: "events", agrees: true, application: { sparkVersion: null, complete: true } });
  });

  test("ends with 1 when the log contradicts the layout", async () => {
    const file = write("tampered", logText("spark4.1").replaceAll("455501414", "455501400"));
    const { code, out } = await run(eventsCommand(), [file]);
    expect(code).toBe(1);
    expect(out).toContain("CONTRADICTS");
  });

  test("ends with 2 when a file cannot be read, and names the line", async () => {
    const file = write("chopped", logText("spark4.1").slice(0, 20_000));
    const { code, out, err } = await run(eventsCommand(), [file, "--json"]);
    expect(code).toBe(2);
    const { error } = JSON.parse(out) as { error: { name: string; line: number } };
    expect(error).toMatchObject({ name: "Unreadable", file });
    expect(err).toContain(`${file}, line ${error.line}: is cut off`);
    const open = await run(eventsCommand(), [file, "--in-progress"]);
    expect(open).toMatchObject({ code: 0, out: expect.stringContaining("in progress: the log has no end") as unknown });
  });

  test("reads a table of cached RDDs", async () => {
    const file = write("rdd.csv", "");
    expect(await run(eventsCommand(), [file])).toMatchObject({ code: 2 });
    const { readFileSync } = await import("node:fs");
    writeFileSync(file, readFileSync(`${LOGS}logistic-regression-rdd.csv`));
    const { code, out } = await run(eventsCommand(), [folder]);
    expect(code).toBe(0);
    expect(out).toContain("5600 requests for 800 blocks (16.6 GiB at once)");
  });
});
