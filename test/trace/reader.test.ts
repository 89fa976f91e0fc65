// What breaks the format is an error with file and line, whatever it is; what the format does not know is ignored.

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { verifyFile } from "../../src/cli/verify.js";
import type { Op } from "../../src/trace/format.js";
import { checkTrace } from "../../src/trace/verify.js";
import { Unreadable } from "../../src/trace/source.js";
import { seeded } from "../help/seed.js";
import { folder, recordedOf, SMALL, textOf, traceOf } from "./traces.js";

const files = folder();

const OPS: readonly Op[] = [
  { op: "consumer", task: 1, consumer: "a", mode: "onHeap", onSpill: "half" },
  { op: "consumer", task: 1, consumer: "b", mode: "onHeap", onSpill: "fail" },
  { op: "allocatePage", task: 1, consumer: "a", bytes: 10 },
  { op: "acquire", task: 1, consumer: "a", bytes: 100 },
  { op: "put", block: "rdd_1_0", bytes: 836, mode: "onHeap", onEvict: "disk" },
  { op: "acquire", task: 1, consumer: "b", bytes: 900 },
  { op: "acquire", task: 1, consumer: "a", bytes: 20 },
  { op: "execAcquire", task: 2, bytes: 100, mode: "onHeap" },
  { op: "free", task: 1, consumer: "a", bytes: 1 },
  { op: "endTask", task: 1 },
  { op: "get", block: "rdd_1_0" },
  { op: "put", block: "test_1", bytes: 5, mode: "offHeap", onEvict: "gone" },
  { op: "pin", block: "test_1" },
];
const LINES = traceOf(OPS);
const rowAt = (op: Op["op"]): number => LINES.findIndex((line) => line.includes(`"op":"${op}"`));
const LAST = LINES.length;

type Change = (lines: string[]) => void;
const edit =
  (line: number, from: string | RegExp, to: string): Change =>
  (lines) => {
    const changed = lines[line - 1]!.replace(from, to);
    if (changed === lines[line - 1]) throw new Error(`nothing to change in ${lines[line - 1]}`);
    lines[line - 1] = changed;
  };
async function errorOf(change: Change, lines: readonly string[] = LINES): Promise<{ line: number; message: string }> {
  const changed = [...lines];
  change(changed);
  const report = await verifyFile(files.write("changed.jsonl", textOf(changed)));
  expect(report, JSON.stringify(report)).toMatchObject({ agree: false });
  return report.error!;
}

test("the trace that the others are made from agrees, and holds what they break", async () => {
  expect(await verifyFile(files.write("whole.jsonl", textOf(LINES)))).toMatchObject({ rows: OPS.length, agree: true });
  const all = LINES.join("");
  for (const part of ['"evicted"', '"spills"', '"failed"', '"resumed"', '"waits"', '"error"', '"peak"', '"bytes":null'])
    expect(all).toContain(part);
});

describe("a header", () => {
  test.each<[string, Change, RegExp]>([
    ["of another format", edit(1, "executor-memory", "allocations"), /not the header of a memory trace/],
    ["of another version", edit(1, '"version":1', '"version":2'), /version 2 is not known/],
    ["without a version", edit(1, '"version":1,', ""), /version nothing/],
    ["without an engine", edit(1, '"engine":"test-1",', ""), /engine is missing/],
    ["with a number for an engine", edit(1, '"test-1"', "1"), /engine must be a name, not 1/],
    ["that tells no generation", edit(1, '"generation":"4.1",', ""), /generation is missing, and engine test-1/],
    ["with a number for a generation", edit(1, '"4.1"', "4.1"), /generation must be a version, not 4.1/],
    ["of a generation that is too old", edit(1, '"4.1"', '"1.6"'), /1\.6/],
    ["of another manager", edit(1, '"unified"', '"fair"'), /manager must be unified or static/],
    ["without cores", edit(1, '"cores":1,', ""), /cores is missing/],
    ["with cores in words", edit(1, '"cores":1', '"cores":"1"'), /cores must be a whole number/],
    ["of an unknown collector", edit(1, '"collector":"other"', '"collector":"Epsilon"'), /collector must be G1 or/],
    ["without a configuration", edit(1, '"conf"', '"config"'), /conf is missing/],
    ["with numbers in its configuration", edit(1, '"1000"', "1000"), /conf must be Spark keys with strings/],
    ["that Spark refuses", edit(1, '"1.0"', '"half"'), /fraction/],
    ["without a page size", edit(1, '"pageSize":64,', ""), /pageSize is missing/],
    [
      "of a mode that there is not",
      edit(1, '"tungstenMode":"onHeap"', '"tungstenMode":"heap"'),
      /tungstenMode must be/,
    ],
    ["with a short state", edit(1, "[500,0,500,0]", "[500,0,500]"), /state must hold four numbers/],
    ["without a state", edit(1, '"state"', '"pools"'), /state must hold/],
    ["that looks in an unknown way", edit(1, '"cores"', '"looks":"twice","cores"'), /looks must be rows/],
  ])("%s", async (_name, change, message) => {
    expect(await errorOf(change)).toEqual({ line: 1, message: expect.stringMatching(message) as string });
  });
});

describe("a row", () => {
  test.each<[string, Op["op"], string | RegExp, string, RegExp]>([
    ["without an op", "get", '"op":"get",', "", /op is missing/],
    ["of an unknown op", "get", '"get"', '"peek"', /op "peek" is not known/],
    ["of an op named like a property of every object", "get", '"get"', '"toString"', /op "toString" is not known/],
    ["whose op is a number", "get", '"get"', "1", /op 1 is not known/],
    ["with a wrong number", "get", '"i":11', '"i":12', /row number 12 where 11 was expected/],
    ["without a number", "get", '"i":11,', "", /row number nothing where 11/],
    ["without a task", "endTask", '"task":1,', "", /endTask: task is missing/],
    ["of a task in words", "endTask", '"task":1', '"task":"1"', /task must be an integer, not "1"/],
    ["of half a task", "endTask", '"task":1', '"task":1.5', /task must be an integer/],
    ["without bytes", "free", '"bytes":1,', "", /bytes is missing/],
    ["of negative bytes", "free", '"bytes":1', '"bytes":-1', /bytes must be a whole number/],
    ["of bytes beyond 2^53", "free", '"bytes":1', '"bytes":9007199254740993', /bytes must be a whole number/],
    ["without a mode", "put", '"mode":"onHeap",', "", /mode is missing/],
    ["of a mode that there is not", "put", '"onHeap"', '"heap"', /mode must be onHeap or offHeap, not "heap"/],
    ["without a block", "get", '"block":"rdd_1_0",', "", /block is missing/],
    ["of a block without a name", "get", '"rdd_1_0"', '""', /block must be a name/],
    ["of an unknown fate", "put", '"disk"', '"tape"', /onEvict must be gone or disk/],
    ["of an unknown way to spill", "consumer", '"half"', '"most"', /onSpill must be all or asked/],
    ["without a result", "get", /"result":\{[^}]*\},/, "", /get: result is missing/],
    ["whose result is a number", "get", /"result":\{[^}]*\}/, '"result":1', /result must be an object, not 1/],
    ["whose result lacks its field", "get", '"bytes":null', '"byte":null', /result: bytes is missing/],
    ["whose result is of another type", "get", '"bytes":null', '"bytes":"0"', /bytes must be .*, or null, not "0"/],
    ["whose truth is a number", "put", '"stored":true', '"stored":1', /stored must be true or false/],
    ["that waits in words", "execAcquire", '"waits":true', '"waits":"yes"', /waits must be true/],
    ["that cannot wait", "free", /"used":\d+/, '"waits":true', /result: used is missing/],
    ["that cannot fail", "free", /"used":\d+/, '"error":"spillFailed"', /result: used is missing/],
    ["whose failure has no name", "acquire", /"granted":\d+/, '"error":7', /error must be a name/],
    [
      "that was short without saying how",
      "acquire",
      /"granted":\d+/,
      '"error":"unableToAcquire"',
      /requested is missing/,
    ],
    ["without the peaks of its generation", "endTask", /,"peak":\{[^}]*\}/, "", /peak must be an object, not nothing/],
    ["with half a peak", "endTask", /"offHeap":0\}\}/, '"of":0}}', /peak: offHeap is missing/],
    [
      "whose evictions are no list",
      "acquire",
      /"evicted":\[[^\]]*\]/,
      '"evicted":{}',
      /evicted must be a list, not \{\}/,
    ],
    ["whose eviction goes nowhere", "acquire", '"to":"disk"', '"to":"there"', /evicted: to must be gone or disk/],
    ["whose eviction has no block", "acquire", '"block":"rdd_1_0",', "", /evicted: block is missing/],
    ["whose spill is a word", "acquire", /"spills":\[/, '"spills":["a",', /spills must be an object, not "a"/],
    ["whose spill frees nothing and fails not", "acquire", /"freed":\d+/, '"free":1', /spills: freed is missing/],
    ["that resumes a later row", "endTask", '"resumed":[{"i":8', '"resumed":[{"i":10', /there is no row 10 before/],
    ["that resumes without a result", "endTask", /"result":\{"granted":100\}/, '"res":1', /resumed: result is missing/],
    ["without a state", "get", '"state"', '"pools"', /get: state must hold four numbers/],
    ["with a state of one mode", "get", '"offHeap"', '"off"', /state must hold four numbers for each mode/],
    ["with a state of five numbers", "get", /\[(\d+),/, "[0,$1,", /state must hold four numbers/],
    ["that is a list", "get", /.*/, "[1]", /is not an object/],
    ["that is not JSON", "get", /\}$/, "", /is not JSON/],
    ["that is blank", "get", /.*/, "", /is not JSON/],
  ])("%s", async (_name, op, from, to, message) => {
    const line = (op === "acquire" ? LINES.findIndex((text) => text.includes('"evicted"')) : rowAt(op)) + 1;
    expect(await errorOf(edit(line, from, to))).toEqual({ line, message: expect.stringMatching(message) as string });
  });
});

describe("a request that cannot be asked", () => {
  test.each<[string, object, RegExp]>([
    [
      "of a consumer never declared",
      { op: "acquire", task: 1, consumer: "x", bytes: 1 },
      /consumer x has not been declared/,
    ],
    ["of a consumer whose task has ended", { op: "free", task: 1, consumer: "a", bytes: 1 }, /or its task has ended/],
    [
      "of another task's consumer",
      { op: "free", task: 4, consumer: "c", bytes: 1 },
      /belongs to task 3, not to task 4/,
    ],
    ["of more than a consumer holds", { op: "free", task: 3, consumer: "c", bytes: 8 }, /c frees 8 bytes and holds 7/],
    ["of a page never allocated", { op: "freePage", task: 3, consumer: "c", page: 1 }, /holds no page 1/],
    [
      "of a consumer declared twice",
      { op: "consumer", task: 3, consumer: "c", mode: "onHeap", onSpill: "all" },
      /second time/,
    ],
    ["that ends a task never begun", { op: "endTask", task: 8 }, /task 8 has no consumer, or has ended/],
    ["that ends a task twice", { op: "endTask", task: 1 }, /task 1 has no consumer, or has ended/],
    [
      "for a page of the other mode",
      { op: "allocatePage", task: 3, consumer: "d", bytes: 1 },
      /offHeap and asks for a page/,
    ],
    [
      "that looks again and does not wait",
      { op: "retry", task: 2, bytes: 1, mode: "onHeap" },
      /task 2 has no request for 1 bytes/,
    ],
    ["of no bytes", { op: "execAcquire", task: 2, bytes: 0, mode: "onHeap" }, /execution request of 0 bytes/],
    ["that pins what is not there", { op: "pin", block: "test_7" }, /test_7 is not in memory/],
    ["that unpins what is not pinned", { op: "unpin", block: "test_2" }, /test_2 is not pinned/],
    ["that removes what is pinned", { op: "remove", block: "test_1" }, /test_1 is pinned 1 times/],
  ])("%s", async (_name, op, message) => {
    const lines = traceOf([
      { op: "consumer", task: 1, consumer: "a", mode: "onHeap", onSpill: "all" },
      { op: "endTask", task: 1 },
      { op: "consumer", task: 3, consumer: "c", mode: "onHeap", onSpill: "all" },
      { op: "consumer", task: 3, consumer: "d", mode: "offHeap", onSpill: "all" },
      { op: "acquire", task: 3, consumer: "c", bytes: 7 },
      { op: "allocatePage", task: 3, consumer: "c", bytes: 7 },
      { op: "put", block: "test_1", bytes: 1, mode: "onHeap", onEvict: "gone" },
      { op: "put", block: "test_2", bytes: 1, mode: "onHeap", onEvict: "gone" },
      { op: "pin", block: "test_1" },
      { op: "get", block: "test_1" },
    ]);
    const line = lines.length - 1;
    const shapes: Record<string, object> = {
      acquire: { granted: 1 },
      execAcquire: { granted: 1 },
      retry: { granted: 1 },
      free: { used: 0 },
      freePage: { used: 0 },
      endTask: { leaked: 0, peak: { onHeap: 0, offHeap: 0 } },
      allocatePage: { page: 0, bytes: 64 },
      remove: { removed: true },
    };
    const state = (JSON.parse(lines[line - 1]!) as { state: object }).state;
    const result = shapes[(op as { op: string }).op] ?? {};
    const replace: Change = (changed) => {
      changed[line - 1] = JSON.stringify({ i: line - 1, ...op, result, state });
    };
    expect(await errorOf(replace, lines)).toEqual({ line, message: expect.stringMatching(message) as string });
  });

  test("of off-heap storage under the static manager, and of a task that waits", async () => {
    const fixed = {
      ...SMALL,
      manager: "static",
      generation: "2.4",
      conf: { "spark.testing.memory": "40000000" },
    } as const;
    const put: Op = { op: "put", block: "a", bytes: 1, mode: "onHeap", onEvict: "gone" };
    expect(await errorOf(edit(2, '"mode":"onHeap"', '"mode":"offHeap"'), traceOf([put], fixed))).toEqual({
      line: 2,
      message: expect.stringContaining("keeps no off-heap storage") as string,
    });
    const waiting = traceOf([
      { op: "execAcquire", task: 1, bytes: 1000, mode: "onHeap" },
      { op: "execAcquire", task: 2, bytes: 500, mode: "onHeap" },
      { op: "execAcquire", task: 1, bytes: 1, mode: "onHeap" },
    ]);
    expect(await errorOf(edit(4, '"task":1', '"task":2'), waiting)).toEqual({
      line: 4,
      message: "task 2 asks while its request of row 2 waits",
    });
  });
});

describe("a file", () => {
  const text = textOf(LINES);
  const gz = gzipSync(text);
  test.each<[string, string | Uint8Array, number, RegExp]>([
    ["without its last line", textOf(LINES.slice(0, -1)), LAST, /last line is missing: the file was cut off/],
    ["without its last line feed", text.slice(0, -1), LAST, /does not end with a line feed/],
    ["cut in a row", text.slice(0, -80), LAST - 1, /does not end with a line feed|not JSON/],
    ["with a header alone", `${LINES[0]}\n`, 2, /last line is missing/],
    ["with a row too few", textOf(LINES.filter((_, at) => at !== 3)), 4, /row number 4 where 3 was expected/],
    [
      "that counts wrongly",
      text.replace('{"end":13}', '{"end":14}'),
      LAST,
      /says that there are 14 rows, but there are 13/,
    ],
    ["whose count is a word", text.replace('{"end":13}', '{"end":"13"}'), LAST, /end must be a whole number/],
    ["that goes on after its end", `${text}{"end":13}\n`, LAST + 1, /stands after the last line/],
    ["whose gzip stream ends early", gz.subarray(0, gz.length - 12), LAST - 1, /gzip stream ends early/],
    ["whose gzip stream is damaged", damaged(gz), 1, /./],
    ["that is empty", "", 1, /is empty/],
  ])("%s", async (_name, contents, line, message) => {
    const report = await verifyFile(files.write("broken.jsonl", contents));
    expect(report).toMatchObject({ agree: false, error: { message: expect.stringMatching(message) as string } });
    // How much of a torn stream can still be read is the unpacker's business.
    if (typeof contents === "string") expect(report.error!.line).toBe(line);
    expect(report.rows).toBe(Math.max(0, report.error!.line - 2));
  });

  test("plain or gzipped, with unknown fields everywhere and empty lists, agrees", async () => {
    const extra = LINES.map((line) =>
      line
        .replaceAll('"block":', '"size":1,"block":')
        .replaceAll('"result":{', '"result":{"took":"1 ms",')
        .replace('"state":{', '"state":{"gpu":[],')
        .replace(',"took":"1 ms",}', "}"),
    ).map((line) =>
      line.replace('"took":"1 ms",}', '"took":"1 ms"}').replace('"pin"', '"pin","evicted":[],"spills":[]'),
    );
    expect(await verifyFile(files.write("extra.jsonl.gz", gzipSync(textOf(extra))))).toMatchObject({
      rows: OPS.length,
      agree: true,
    });
  });

  test("of an older generation may tell peaks or not", async () => {
    const older = traceOf(OPS, { ...SMALL, generation: "3.5" });
    expect(older.join("")).not.toContain("peak");
    const told = older.map((line) => line.replace('"leaked":', '"peak":{"onHeap":1,"offHeap":2},"leaked":'));
    for (const lines of [older, told])
      expect(await verifyFile(files.write("older.jsonl", textOf(lines)))).toMatchObject({ agree: true });
  });
});

function damaged(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.fill(0xff, 12, 40);
  return copy;
}

describe("whatever is done to a trace of real Spark", () => {
  const golden = new URL("../golden/", import.meta.url);
  const names = readdirSync(golden).filter((name) => /^4\.1\.1-(?:consumers|mixed|pages|waiting)-1/.test(name));
  const traces = names.map((name) =>
    gunzipSync(readFileSync(new URL(name, golden)))
      .toString()
      .trimEnd()
      .split("\n")
      .slice(0, 80),
  );

  test("it agrees, disagrees or is unreadable, and nothing else", async () => {
    expect(names.length).toBe(4);
    const outcomes = { agree: 0, disagree: 0, unreadable: 0 };
    const change = fc.record({
      line: fc.nat(78),
      kind: fc.constantFrom("drop", "swap", "number", "word", "repeat"),
      at: fc.nat(30),
      value: fc.constantFrom("0", "1", "7", "1000", "-1", "9007199254740991", "9007199254740992", "null", '"x"'),
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.array(change, { minLength: 1, maxLength: 3 }), async (which, changes) => {
        const lines = [...traces[which]!];
        for (const { line, kind, at, value } of changes)
          mutate(lines, 1 + (line % (lines.length - 1)), kind, at, value);
        // Rows are numbered anew, so that what was moved is asked.
        const numbered = lines.map((text, i) => text.replace(/^\{"i":\d+/, `{"i":${i}`));
        try {
          const { disagreement } = await checkTrace(
            recordedOf([...numbered, JSON.stringify({ end: lines.length - 1 })]),
          );
          outcomes[disagreement === null ? "agree" : "disagree"] += 1;
        } catch (error) {
          if (!(error instanceof Unreadable)) throw error;
          outcomes.unreadable += 1;
        }
      }),
      seeded(400),
    );
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(5);
  });
});

function mutate(lines: string[], line: number, kind: string, at: number, value: string): void {
  const text = lines[line]!;
  if (kind === "drop") lines.splice(line, 1);
  else if (kind === "repeat") lines.splice(line, 0, text);
  else if (kind === "swap") [lines[line], lines[1]] = [lines[1]!, text];
  else {
    const pattern = kind === "number" ? /(?<=[:[,])-?\d+/g : /(?<=:)"[a-zA-Z]+"/g;
    const found = [...text.matchAll(pattern)];
    const match = found[at % Math.max(1, found.length)];
    if (match === undefined) return;
    const to = kind === "number" ? value : at % 2 === 0 ? '"offHeap"' : value;
    lines[line] = text.slice(0, match.index) + to + text.slice(match.index + match[0].length);
  }
}
