// `explain` and `export` as they are called: what is told of each form of a recording, and how they end.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { explainCommand } from "../../src/cli/explain.js";
import { writePage } from "../../src/cli/explain-page.js";
import { exportCommand } from "../../src/cli/export.js";
import { recordCommand } from "../../src/cli/record.js";
import { verifyFile } from "../../src/cli/verify.js";
import { openExecutor } from "../../src/executor.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import { Recorder } from "../../src/trace/recorder.js";
import { recordToFile } from "../../src/why/file.js";
import { folder, textOf, traceOf } from "../trace/traces.js";
import { Holder, SMALL } from "../why/help.js";
import { run } from "./run.js";

const files = folder();
const at = (name: string): string => join(files.path, name);
const golden = fileURLToPath(new URL("../golden/4.1.1-consumers-1.jsonl.gz", import.meta.url));

const explain = (...args: string[]) => run(explainCommand(), args);

/** A run of two consumers and two blocks. */
function record(name: string): string {
  const executor = openExecutor(SMALL);
  const { recorder, end } = recordToFile(executor, at(name));
  const { store } = executor;
  store.putAccount("rdd_1_0", 300);
  store.putAccount("rdd_1_1", 300);
  const [sort, map] = ["sort", "map"].map((each) => new Holder(executor.task(7), { name: each })) as [Holder, Holder];
  sort.acquireMemory(400);
  executor.manager.acquireExecution(10, 9, ON_HEAP);
  map.acquireMemory(300);
  end();
  expect(recorder.rows).toBeGreaterThan(5);
  return at(name);
}

const SPILLED =
  "the sort of task 7 spilled 400 B because the map of the same task asked for 300 B: 290 B were free, storage could give " +
  "nothing (what it holds is protected), and the task's share was 1/2 since task 9 had come in (350 B; it held 400 B)";

const EVICTED = "block rdd_1_0 (300 B, on-heap) was dropped because task 9 asked for 10 B and nothing was free";

describe("a recording of a run", () => {
  const file = record("run.causes");

  test("is told as a whole: how often what, who paid for whom, the largest spills", async () => {
    const { code, out, err } = await explain(file);
    expect([code, err]).toEqual([0, ""]);
    expect(out.replaceAll(file, "FILE")).toMatchInlineSnapshot(`
      "FILE: 7 rows: 1 short grant, 0 waits, 0 wakes, 0 refused blocks, 2 moves of the boundary, 1 eviction, 1 spill; 0 deadlocks, 0 starvations
      who paid (rows) for whom (columns), in bytes: s spilled, e evicted, w waited for
                 task 7   task 9   storage
        task 7   s 400 B  -        -
        task 9   -        -        -
        storage  -        e 300 B  -
      the largest spills:
      row 7: the sort of task 7 spilled 400 B because the map of the same task asked for 300 B: 290 B were free, storage could give nothing (what it holds is protected), and the task's share was 1/2 since task 9 had come in (350 B; it held 400 B)
      "
    `);
  });

  test("by task, by row with what came before, and by block", async () => {
    const byTask = await explain(file, "--task", "7");
    expect(byTask.out).toContain(SPILLED);
    const row = /row (\d+): the sort/.exec(byTask.out)![1]!;
    const byRow = await explain(file, "--row", row);
    expect(byRow.out).toContain(SPILLED);
    expect(byRow.out).toContain(`asked: row ${row} execAcquire task=7`);
    const byBlock = await explain(file, "--block", "rdd_1_0");
    expect(byBlock.out).toBe(`row 4: ${EVICTED}\n`);
    const quiet = await explain(file, "--row", "1");
    expect(quiet.out).toContain("row 1: nothing stood in its way, and nothing was taken from it\n");
  });

  test.each([
    ["--task", "12345", "has no task 12345"],
    ["--row", "99", "has no row 99: it has 7"],
    ["--block", "rdd_9_9", "has no block rdd_9_9"],
  ])("%s %s that is not there is told, and ends with 1", async (option, value, text) => {
    expect(await explain(file, option, value)).toEqual({ code: 1, out: "", err: `explain: ${file} ${text}\n` });
    const { code, out } = await explain(file, option, value, "--json");
    expect([code, JSON.parse(out)]).toMatchObject([1, { told: [] }]);
  });

  test("as JSON, with the same words", async () => {
    const { out, err } = await explain(file, "--json");
    expect(err).toBe("");
    const whole = JSON.parse(out) as Record<string, unknown>;
    expect(whole).toMatchObject({
      file,
      different: 0,
      counts: { evicted: 1, spilled: 1, waits: 0, deadlock: 0 },
      payments: [
        { payer: 7, for: 7, spilledBytes: 400 },
        { payer: "storage", for: 9, evictedBytes: 300 },
      ],
      trouble: [],
      largest: [{ kind: "spilled", chain: [SPILLED] }],
    });
    const one = JSON.parse((await explain(file, "--block", "rdd_1_0", "--json")).out) as Record<string, unknown>;
    const fact = { kind: "evicted", row: 4, block: "rdd_1_0", owner: null, mode: "onHeap", bytes: 300, to: "gone" };
    expect(one["told"]).toMatchObject([{ ...fact, chain: [EVICTED] }]);
  });

  test("becomes a trace that verify takes and explain tells alike, plain and gzipped", async () => {
    for (const name of ["run.jsonl", "run.jsonl.gz"]) {
      expect(await run(exportCommand(), [file, "--out", at(name)])).toEqual({ code: 0, out: "", err: "" });
      expect(await verifyFile(at(name))).toMatchObject({ agree: true });
      expect((await explain(at(name))).out.replaceAll(at(name), file)).toBe((await explain(file)).out);
    }
    const text = readFileSync(at("run.jsonl"), "utf8");
    expect(gunzipSync(readFileSync(at("run.jsonl.gz"))).toString()).toBe(text);
    const rows = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.find((row) => row["evicted"] !== undefined)!["cause"]).toContainEqual(
      expect.objectContaining({ kind: "evicted", block: "rdd_1_0", to: "gone" }),
    );
    writeFileSync(at("run.causes.gz"), gzipSync(readFileSync(file)));
    expect((await explain(at("run.causes.gz"))).out.replaceAll("run.causes.gz", "run.causes")).toBe(
      (await explain(file)).out,
    );
  });
});

test("a wait is told with the whole wait-for graph at its row", async () => {
  const acquire = (task: number, bytes: number) => ({ op: "execAcquire", task, bytes, mode: "onHeap" }) as const;
  const file = files.write(
    "waits.jsonl",
    textOf(traceOf([acquire(1, 700), acquire(2, 300), acquire(3, 100), acquire(4, 100), { op: "clear" }])),
  );
  const { code, out } = await explain(file, "--row", "4");
  expect(code).toBe(0);
  expect(out).toContain(
    "the task's share was 1/4 (250 B; it held nothing); it does not go on below 125 B; 100 B must come back",
  );
  expect(out.slice(out.indexOf("who waits"))).toBe(
    "who waits for whom then:\n  task 3 -> task 1 (700 B): 100 B on-heap, since row 3\n  task 4 -> task 1 (700 B): 100 B on-heap, since row 4\n",
  );
  const { waiting } = JSON.parse((await explain(file, "--row", "4", "--json")).out) as { waiting: unknown };
  expect(waiting).toEqual([
    { task: 3, mode: "onHeap", since: 3, needBytes: 100, holders: [[1, 700]] },
    { task: 4, mode: "onHeap", since: 4, needBytes: 100, holders: [[1, 700]] },
  ]);
  expect((await explain(file, "--row", "5")).out).not.toContain("who waits");
  expect((await explain(file)).out).toContain(" 2 waits, ");
});

test("a page whose reading is ended is of the rows until then", async () => {
  await run(recordCommand(), ["--profile", "waiting", "--rows", "5000", "--why", "--out", at("long.causes")]);
  const whole = await writePage(at("long.causes"), at("whole.html"));
  const part = await writePage(at("long.causes"), at("part.html"), AbortSignal.abort());
  const requests = (text: string): number => Number(/: ([\d,]+) requests/.exec(text)![1]!.replace(",", ""));
  expect(requests(part)).toBeGreaterThan(0);
  expect(requests(part)).toBeLessThan(requests(whole));
  expect(readFileSync(at("part.html"), "utf8")).toContain("</html>");
});

describe("a plain trace", () => {
  test("is asked again, and tells what record --why tells", async () => {
    const args = ["--profile", "consumers", "--seed", "7", "--rows", "300"];
    expect(await run(recordCommand(), [...args, "--out", at("c.jsonl")])).toMatchObject({ code: 0 });
    expect(await run(recordCommand(), [...args, "--why", "--out", at("c.causes")])).toMatchObject({ code: 0, err: "" });
    const [plain, binary] = [await explain(at("c.jsonl")), await explain(at("c.causes"))];
    expect(plain.out.replace("c.jsonl", "c.causes")).toBe(binary.out);
    expect(await run(exportCommand(), [at("c.causes"), "--out", at("back.jsonl")])).toMatchObject({ code: 0 });
    expect(await verifyFile(at("back.jsonl"))).toMatchObject({ agree: true });
  });

  test("of a run tells the spills that stand beside its rows", async () => {
    const executor = openExecutor(SMALL);
    const lines: string[] = [];
    const recorder = new Recorder(executor, (line) => lines.push(line));
    const [sort, map] = ["sort", "map"].map((name) => new Holder(executor.task(7), { name })) as [Holder, Holder];
    sort.acquireMemory(700);
    map.acquireMemory(600);
    map.spillSelf();
    executor.endTask(7);
    recorder.end();
    const { out, err } = await explain(files.write("run-2.jsonl", textOf(lines)), "--task", "7");
    expect(err).toBe("");
    expect(out.split("\n").filter((line) => line.includes("spilled"))).toEqual([
      "row 4: the sort of task 7 spilled 700 B because the map of the same task asked for 600 B: nothing was free, storage " +
        "could give 300 B, and the task had the pool to itself",
      "row 6: the map of task 7 spilled 600 B of its own accord, at a bound of its own",
    ]);
    const broken = files.write("run-3.jsonl", textOf(lines).replace('"trigger":"map"', '"trigger":7'));
    expect((await explain(broken)).err).toMatch(/line 5: spilled: trigger must be a name/);
  });

  test("of real Spark is told without a difference", async () => {
    const { code, out, err } = await explain(golden);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /1504 rows: 1877 short grants, 20 waits, 49 wakes, 12 refused blocks, .* 100 evictions, 1872 spills/,
    );
  });

  test("that another answered differently is told with a warning", async () => {
    const trace = traceOf([{ op: "execAcquire", task: 1, bytes: 1200, mode: "onHeap" }]);
    const file = files.write("other.jsonl", textOf(trace).replace('"granted":1000', '"granted":999'));
    const { code, out, err } = await explain(file);
    expect([code, err]).toEqual([0, `explain: this library answers 1 row differently than ${file} says\n`]);
    expect(out).toContain("1 row: 1 short grant,");
  });
});

describe("what cannot be read", () => {
  const file = record("cut.causes");
  const whole = readFileSync(file);

  test.each<[string, () => string, RegExp]>([
    ["a file that is not there", () => at("nowhere"), /nowhere: ENOENT/],
    ["an empty file", () => files.write("empty", ""), /empty, line 1: is empty/],
    ["a recording cut off", () => files.write("half", whole.subarray(0, -5)), /half, byte \d+: the end is missing/],
    ["a torn gzip", () => files.write("torn.gz", gzipSync(whole).subarray(0, -9)), /torn\.gz, .*ends early/],
    ["something else", () => files.write("else", "hello\n"), /else, line 1: /],
    [
      "a trace cut off",
      () => files.write("t.jsonl", textOf(traceOf([{ op: "clear" }]).slice(0, 2))),
      /t\.jsonl, line 3/,
    ],
  ])("%s: exit 2, with the place", async (_name, make, message) => {
    const { code, err } = await explain(make());
    expect([code, err]).toEqual([2, expect.stringMatching(message) as string]);
    const exported = await run(exportCommand(), [make(), "--out", at("none.jsonl")]);
    expect([exported.code, existsSync(at("none.jsonl"))]).toEqual([2, false]);
  });

  test("says the place in JSON", async () => {
    const half = files.write("half2", whole.subarray(0, -5));
    expect(JSON.parse((await explain(half, "--json")).out)).toEqual({
      file: half,
      error: { name: "Malformed", offset: whole.length - 5, message: "the end is missing: the file was cut off" },
    });
    const other = await explain(at("nowhere"), "--json");
    expect(JSON.parse(other.out)).toMatchObject({ error: { name: "Unreadable", line: 0 } });
  });

  test("a cause in a row that is none names the line", async () => {
    await run(exportCommand(), [file, "--out", at("ok.jsonl")]);
    const text = readFileSync(at("ok.jsonl"), "utf8");
    for (const [from, to, message] of [
      ['"kind":"evicted"', '"kind":"vanished"', /a cause of kind "vanished" is not known/],
      ['"kind":"evicted","n":', '"kind":"evicted","n":1', /cause 1\d where \d was expected/],
      ['"to":"gone","', '"to":"moon","', /cause evicted: to cannot be "moon"/],
      ['"tasks":2', '"tasks":-2', /cause asked: tasks cannot be -2/],
      ['"i":3', '"i":4', /row 4 where 3 was expected/],
    ] as const) {
      const broken = files.write(
        "broken.jsonl",
        text.replace(from, to).replace('"to":"gone"}', from === '"to":"gone","' ? '"to":"moon"}' : '"to":"gone"}'),
      );
      const { code, err } = await explain(broken);
      expect([code, err]).toEqual([2, expect.stringMatching(message) as string]);
    }
  });

  test.each([
    ["--task", "x"],
    ["--row", "1.5"],
    ["--row", "0"],
    ["--row", "1", "--task", "1"],
    ["--block", "b", "--row", "1"],
  ])("%s %s %s %s is wrong usage", async (...args) => {
    await expect(explain(file, ...args.filter(Boolean))).rejects.toThrow();
  });
});

test("a recording that cannot begin leaves no file", () => {
  const executor = openExecutor(SMALL);
  executor.manager.acquireExecution(1, 1, ON_HEAP);
  expect(() => recordToFile(executor, at("late.causes"))).toThrow("before anything is asked");
  expect(existsSync(at("late.causes"))).toBe(false);
  expect(() => recordToFile(openExecutor(SMALL), at("no/such/folder"))).toThrow("ENOENT");
});

test("a disk that is full disturbs no request, and is told at the end", () => {
  const full = "/dev/full";
  if (!existsSync(full)) {
    console.warn(`not tried: this system has no ${full}`);
    return;
  }
  const executor = openExecutor(SMALL);
  const { recorder, end } = recordToFile(executor, full);
  for (let i = 0; i < 20_000; i += 1) {
    expect(executor.manager.acquireExecution(1, 1, ON_HEAP)).toBe(1);
    executor.manager.releaseExecution(1, 1, ON_HEAP);
  }
  expect(recorder.rows).toBe(40_000);
  expect(end).toThrow("ENOSPC");
  end();
  expect(Object.hasOwn(executor.manager, "acquireExecution")).toBe(false);
});
