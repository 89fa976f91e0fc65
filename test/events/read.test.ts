import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEvents } from "../../src/cli/events.js";
import { EventLog } from "../../src/events/log.js";
import { parseEvent } from "../../src/events/event.js";
import { Unreadable } from "../../src/trace/source.js";
import { seeded } from "../help/seed.js";
import {
  completed,
  ended,
  executorAdded,
  logText,
  manager,
  readText,
  stageInfo,
  started,
  submitted,
  taskEnd,
  textOf,
} from "./help.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "events-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, contents: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, contents);
  return file;
}

async function refusal(work: Promise<unknown>): Promise<Unreadable> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Unreadable);
  return error as Unreadable;
}

const small = textOf([...started(), manager("driver", 455_501_414), ended()]);

describe("a log", () => {
  test("plain, gzipped, without its last line feed: the same", async () => {
    const plain = await readEvents(write("a", small), false);
    expect(plain.executors).toHaveLength(1);
    expect({ ...(await readEvents(write("a.gz", gzipSync(small)), false)), file: "" }).toEqual({
      ...plain,
      file: "",
    });
    expect({ ...(await readEvents(write("b", small.trimEnd()), false)), file: "" }).toEqual({ ...plain, file: "" });
  });

  test("in a rolled folder: its files in the order of their numbers, from the last compacted one on", async () => {
    const rolled = join(folder, "eventlog_v2_app-1");
    mkdirSync(rolled);
    const put = (name: string, ...events: object[]) => writeFileSync(join(rolled, name), textOf(events));
    put("appstatus_app-1");
    put("events_10_app-1", ended());
    put("events_9_app-1", manager("1", 455_501_414));
    put("events_8_app-1.compact", ...started(), manager("driver", 455_501_414));
    writeFileSync(join(rolled, "events_8_app-1"), "not read");
    const report = await readEvents(rolled, false);
    expect(report).toMatchObject({ events: 6, application: { complete: true } });
    expect(report.executors.map(({ role }) => role)).toEqual(["driver", "executor"]);
    expect((await refusal(readEvents(folder, false))).reason).toContain("a rolled log");
  });

  test.each<[string, readonly string[], string]>([
    ["whose beginning is missing", ["events_2_app", "events_3_app"], "begins with events_2_app"],
    ["with a gap", ["events_1_app", "events_3_app"], "events_3_app follows events_1_app"],
    ["with a gap after what was compacted", ["events_4_app.compact", "events_6_app"], "events_6_app follows"],
    ["with one part twice", ["events_1_app", "events_1_app.gz"], "one part twice"],
    [
      "of two applications",
      ["events_1_app-1", "events_2_app-2"],
      "two applications: events_1_app-1 and events_2_app-2",
    ],
  ])("in a folder %s is refused", async (what, names, says) => {
    const rolled = join(folder, what);
    mkdirSync(rolled);
    for (const name of names) writeFileSync(join(rolled, name), textOf(started()));
    expect((await refusal(readEvents(rolled, false))).reason).toContain(says);
  });

  test("without an end is in progress, and says so", async () => {
    const open = await readEvents(write("open", textOf(started())), false);
    expect(open.application).toMatchObject({ complete: false, endMs: null });
    expect(open.notTold[0]).toContain("how the application ended");
  });

  test("cut within a line is refused, unless its application may still be writing", async () => {
    const cut = `${textOf(started())}{"Event":"SparkListenerTas`;
    const error = await refusal(readText(cut));
    expect(error).toMatchObject({ line: 4, reason: expect.stringContaining("--in-progress") as unknown });
    expect((await readText(cut, true)).summary().events).toBe(3);
    // Rubbish within the file is no log that is still being written.
    expect(await refusal(readText(`${textOf(started())}{"Ev\n${textOf([ended()])}`, true))).toMatchObject({ line: 4 });
  });

  test("with events and fields that nobody knows passes", async () => {
    const more = [
      { Event: "com.example.Mine", Task: 1 },
      { ...manager("1", 455_501_414), "Something New": { deep: [1, null, "x"] } },
      {
        Event: "SparkListenerTaskEnd",
        "Stage ID": 0,
        "Task Info": { "Task ID": 1, "Executor ID": "1" },
        "Task Metrics": null,
      },
    ];
    const { events, totals } = (await readText(textOf([...started(), ...more]))).summary();
    expect({ events, failed: totals.failed }).toEqual({ events: 6, failed: 1 });
  });
});

describe("what is no log is named with its line", () => {
  test.each([
    ["", 1, "is empty"],
    ["id,name\n1,a\n", 1, "is not JSON"],
    ["[1]\n", 1, "no Spark event"],
    ['{"trace":"memory"}\n', 1, "no Spark event"],
    ['{"Event":"a"}\n{"Event":"b"}\n', 2, "no event of Spark's"],
    [`${textOf(started())}{"Event":"SparkListenerBlockManagerAdded"}\n`, 4, '"Block Manager ID" is missing'],
    [`${textOf(started())}${JSON.stringify({ ...manager("1", 5), "Maximum Memory": -5 })}\n`, 4, '"Maximum Memory"'],
    [`${textOf(started())}${JSON.stringify({ ...manager("1", 5), "Maximum Memory": 1e30 })}\n`, 4, '"Maximum Memory"'],
    [
      `${textOf(started())}${JSON.stringify({ ...taskEnd({ stage: 0, task: 1 }), "Task Info": [] })}\n`,
      4,
      '"Task Info"',
    ],
  ])("%j", async (text, line, reason) => {
    expect(await refusal(readText(text))).toMatchObject({ line, reason: expect.stringContaining(reason) as unknown });
  });

  test("torn gzip, text that is not UTF-8, and codecs that are not unpacked here", async () => {
    const packed = gzipSync(logText("spark3.2.1"));
    const torn = await refusal(readEvents(write("torn.gz", packed.subarray(0, packed.length - 50)), false));
    expect(torn.reason).toContain("cut off");
    expect(torn.line).toBeGreaterThan(1);
    expect((await refusal(readEvents(write("latin", Uint8Array.of(0x7b, 0xff, 0x0a)), false))).reason).toContain(
      "UTF-8",
    );
    for (const [magic, says] of [
      [[0x28, 0xb5, 0x2f, 0xfd, 0], "zstd -d"],
      [[...Buffer.from("LZ4Block")], "lz4"],
      [[0x82, ...Buffer.from("SNAPPY")], "snappy"],
      [[0x5a, 0x56, 1, 0], "lzf"],
    ] as const) {
      const error = await refusal(readEvents(write("packed", Uint8Array.from(magic)), false));
      expect(error).toMatchObject({ line: 1, reason: expect.stringContaining(says) as unknown });
    }
    await expect(readEvents(join(folder, "nowhere"), false)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("wherever a real log is chopped, it is an error with the line, or the whole lines that are there", async () => {
    const text = logText("spark2.4");
    const lines = text.split("\n");
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), async (at) => {
        const chopped = text.slice(0, at);
        const whole = chopped.split("\n").length - 1;
        const outcome = await readText(chopped).catch((cause: unknown) => cause);
        if (outcome instanceof EventLog) {
          const last = chopped.endsWith("\n") ? whole : whole + 1;
          expect(outcome.summary().events).toBe(last);
          if (last > whole) expect(chopped.split("\n").at(-1)).toBe(lines[whole]);
        } else {
          expect(outcome).toBeInstanceOf(Unreadable);
          expect((outcome as Unreadable).line).toBe(Math.max(1, chopped.endsWith("\n") ? whole : whole + 1));
        }
      }),
      seeded(60),
    );
  });

  test("whatever is put in the place of a value, it is an answer or a named line, never a crash", async () => {
    const lines = logText("spark2.4").split("\n");
    const strange = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1e300, 0.5, 2 ** 53, "", null, [], {}, "rdd_1_1"));
    await fc.assert(
      fc.asyncProperty(fc.nat(lines.length - 2), fc.nat(), strange, async (line, pick, value) => {
        const event = JSON.parse(lines[line]!) as object;
        const places = [...placesIn(event)];
        const [at, name] = places[pick % places.length]!;
        Object.defineProperty(at, name, { value, enumerable: true });
        const changed = lines.with(line, JSON.stringify(event)).join("\n");
        const outcome = await readText(changed).catch((cause: unknown) => cause);
        if (outcome instanceof EventLog) expect(outcome.summary().events).toBe(lines.length - 1);
        else expect(outcome).toMatchObject({ name: "Unreadable", line: line + 1 });
      }),
      seeded(60),
    );
  });
});

/** Every field of an object and of those within. */
function* placesIn(value: object): Generator<[object, string]> {
  for (const [name, field] of Object.entries(value) as [string, unknown][]) {
    yield [value, name];
    if (typeof field === "object" && field !== null) yield* placesIn(field);
  }
}

test("what is kept does not grow with the log", () => {
  const log = new EventLog();
  const add = (event: object) => log.add(parseEvent(JSON.stringify(event)));
  for (const event of started()) add(event);
  let most = 0;
  for (let round = 0; round < 3000; round += 1) {
    const executor = String(round);
    const info = stageInfo(round, 2, [{ id: round, parents: [] }]);
    add(executorAdded(executor, 4));
    add(manager(executor, 455_501_414));
    add(submitted(info));
    add(taskEnd({ stage: round, task: round, executor, peak: round, spilled: round % 7 }));
    add(completed(info));
    add({ Event: "SparkListenerExecutorRemoved", "Executor ID": executor, "Removed Reason": "idle" });
    most = Math.max(most, log.kept - round);
  }
  const { kinds, mostExecutors, stages, totals } = log.summary();
  expect(kinds).toMatchObject([{ count: 3000, ids: ["0", "1", "2", "3", "4", "5", "6", "7"] }]);
  expect({ mostExecutors, stages: stages.length, tasks: totals.tasks }).toEqual({
    mostExecutors: 1,
    stages: 10,
    tasks: 3000,
  });
  // Besides an executor a round, of which 50,000 are kept one by one, nothing stays.
  expect(most).toBeLessThan(5);
});
