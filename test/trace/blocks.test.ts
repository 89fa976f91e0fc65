// Extended traces: what is replayed is compared in full, and what breaks the format is refused by line.

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { verifyFile } from "../../src/cli/verify.js";
import type { BlockOp, BlockRow, PlainRow } from "../../src/trace/block-rows.js";
import { type BlockHeader, BlockReplay, checkBlockTrace } from "../../src/trace/blocks.js";
import type { Disagreement, RecordedFile } from "../../src/trace/source.js";

const CONF = {
  "spark.testing.memory": "12000",
  "spark.testing.reservedMemory": "0",
  "spark.memory.fraction": "1",
  "spark.memory.offHeap.size": "8000",
  "spark.storage.unrollMemoryThreshold": "512",
};

const HEADER = {
  trace: "executor-memory",
  version: 1,
  extension: "blocks-1",
  engine: "spark-4.1.1",
  generation: "4.1",
  manager: "unified",
  cores: 1,
  collector: "G1",
  conf: CONF,
  vectorBytes: [232, 264, 296],
  pageSize: 1048560,
  tungstenMode: "onHeap",
  state: { onHeap: [6000, 0, 6000, 0], offHeap: [4000, 0, 4000, 0] },
} as const;

const OPS: readonly (BlockOp | Record<string, unknown>)[] = [
  { op: "unrollPut", task: -1, block: "test_1", mode: "onHeap", form: "values", records: [[40, 120]] },
  { op: "unrollPut", task: 3, block: "test_2", mode: "onHeap", form: "bytes", records: [[9, 400]] },
  { op: "unrollPut", task: 3, block: "test_3", mode: "onHeap", form: "values", records: [[40, 1016]] },
  { op: "handle", block: "test_3", use: "take", count: 1 },
  { op: "handle", block: "test_3", use: "exhaust", count: 0 },
  { op: "unrollPut", task: 3, block: "test_4", mode: "offHeap", form: "bytes", records: [[40, 1000]] },
  { op: "handle", block: "test_4", use: "finish", count: 0 },
  { op: "handle", block: "test_4", use: "take", count: 1 },
  { op: "putBlock", task: -1, block: "rdd_0_1", level: 13, from: "iterator", records: [[1, 4000]] },
  { op: "putBlock", task: -1, block: "rdd_0_1", level: 4, from: "bytes", records: [[1, 40]] },
  { op: "putBlock", task: -1, block: "test_5", level: 3, from: "bytes", records: [[1, 40]] },
  { op: "putBlock", task: 3, block: "rdd_1_1", level: 12, from: "bytes", records: [[2, 2000]] },
  { op: "putBlock", task: 3, block: "rdd_1_2", level: 14, from: "bytes", records: [[3, 2000]] },
  { op: "getOrPut", task: 3, block: "rdd_1_2", level: 14, records: [[3, 2000]] },
  { op: "getOrPut", task: 3, block: "rdd_1_3", level: 5, records: [[40, 1000]] },
  { op: "handle", block: "rdd_1_3", use: "close", count: 0 },
  { op: "readBlock", task: 3, block: "rdd_0_1", as: "values", hold: true },
  { op: "readBlock", task: -1, block: "rdd_1_1", as: "bytes", hold: true },
  { op: "readBlock", task: -1, block: "rdd_1_1", as: "values", hold: false },
  { op: "unlock", task: -1, block: "rdd_1_1" },
  { op: "execAcquire", task: 1, bytes: 6000, mode: "onHeap" },
  { op: "execRelease", task: 1, bytes: 1000, mode: "onHeap" },
  { op: "execReleaseAll", task: 1 },
  { op: "storageAcquire", block: "test_9", bytes: 100, mode: "onHeap" },
  { op: "storageRelease", bytes: 100, mode: "onHeap" },
  { op: "blockStatus", block: "rdd_0_1" },
  { op: "endBlocks", task: 3 },
  { op: "removeBlock", block: "rdd_0_1" },
  { op: "blockStatus", block: "rdd_0_1" },
  { op: "readBlock", task: -1, block: "rdd_0_1", as: "bytes", hold: false },
  { op: "readBlock", task: -1, block: "rdd_0_1", as: "values", hold: false },
];

function recording(): Record<string, unknown>[] {
  const replay = new BlockReplay(HEADER as unknown as BlockHeader);
  return OPS.map((op, at) => {
    const row = { i: at + 1, ...op };
    return { ...row, ...replay.apply(row as unknown as BlockRow | PlainRow) };
  });
}

function recorded(rows: readonly unknown[], header: Record<string, unknown> = HEADER): RecordedFile {
  return {
    file: "made.jsonl",
    header: header as RecordedFile["header"],
    rows: (async function* () {
      for (const [at, row] of rows.entries())
        yield { line: at + 2, text: typeof row === "string" ? row : JSON.stringify(row) };
    })(),
  };
}

const check = (rows: readonly unknown[], header?: Record<string, unknown>) => checkBlockTrace(recorded(rows, header));
const whole = (rows: readonly unknown[]): unknown[] => [...rows, { end: rows.length }];

test("a recording agrees with its replay, and asks for every answer there is", async () => {
  const rows = recording();
  expect(await check(whole(rows))).toEqual({ rows: OPS.length, disagreement: null });
  const answers = new Set(rows.flatMap((row) => Object.keys(row["result"] as object)));
  expect([...answers].sort()).toEqual(
    "bytes disk error from granted kept locks memory missing read records released stored".split(" "),
  );
});

test.each(["2.4.8", "4.1.1"])("a recording of Spark %s agrees", async (version) => {
  const file = fileURLToPath(new URL(`../golden/${version}-blocks-1.jsonl.gz`, import.meta.url));
  expect(await verifyFile(file)).toMatchObject({ rows: 200, agree: true });
});

test("a changed answer, pool, block, byte or lock is seen", async () => {
  const rows = recording();
  const changes: [string, (row: Record<string, never>) => void][] = [
    ["result", (row) => Object.assign(row["result"]!, { more: 1 })],
    ["state", (row) => ((row["state"]!["onHeap"] as number[])[3]! += 1)],
    ...["onHeap", "disk", "known"].map((part): (typeof changes)[0] => [
      "store",
      (row) =>
        (row["store"]![part] as unknown[]).push(part === "disk" ? ["x", 1] : ["x", 1, part === "known" ? 0 : "bytes"]),
    ]),
    ["store", (row) => ((row["store"]!["unroll"] as number[])[1]! += 1)],
  ];
  for (const at of [0, 12, 20]) {
    for (const [field, change] of changes) {
      const changed = structuredClone(rows);
      change(changed[at] as Record<string, never>);
      const { rows: agreed, disagreement } = await check(whole(changed));
      const { note, ...found } = disagreement as Disagreement;
      expect([agreed, found.row, found.line, found.op, found.field]).toEqual([
        at,
        at + 1,
        at + 2,
        OPS[at]!["op"],
        field,
      ]);
      expect(note).toContain("the law: section");
    }
  }
});

test("other numbers of the recording JVM are other answers", async () => {
  const { disagreement } = await check(whole(recording()), { ...HEADER, vectorBytes: [232, 300, 2000] });
  expect(disagreement?.row).toBe(1);
  const moved = await check(whole(recording()), { ...HEADER, state: { ...HEADER.state, onHeap: [6001, 0, 5999, 0] } });
  expect([moved.disagreement?.row, moved.disagreement?.field]).toEqual([0, "state"]);
});

describe("what breaks the format is refused by line", () => {
  const first = () => recording()[0]!;
  test.each<[string, (rows: Record<string, unknown>[]) => unknown[], number, string]>([
    ["no JSON", () => ["{"], 2, "is not JSON"],
    ["no object", () => ["[]"], 2, "is not a JSON object"],
    [
      "an unknown op",
      () => [{ ...first(), op: "put" }],
      2,
      'op "put" is not known in a trace with the extension blocks-1',
    ],
    ["a wrong number", () => [{ ...first(), i: 2 }], 2, "row number 2 where 1 was expected"],
    ["no result", () => [{ ...first(), result: undefined }], 2, "result is missing"],
    ["no state", () => [{ ...first(), state: undefined }], 2, "state must hold"],
    ["no store", () => [{ ...first(), store: undefined }], 2, "store is missing"],
    [
      "a store without a disk",
      () => [{ ...first(), store: { ...(first()["store"] as object), disk: 1 } }],
      2,
      "store.disk",
    ],
    ["a missing field", () => [{ ...first(), form: undefined }], 2, "form must be values or bytes"],
    ["a record too small", () => [{ ...first(), records: [[1, 3]] }], 2, "records must be"],
    ["a cut file", (rows) => rows.slice(0, 2), 4, "the last line is missing"],
    ["a wrong count", (rows) => [rows[0], { end: 2 }], 3, "says that there are 2 rows, but there are 1"],
    ["a row after the end", (rows) => [...whole(rows.slice(0, 1)), rows[1]], 4, "stands after the last line"],
    [
      "a handle that nobody made",
      () => [{ ...first(), op: "handle", use: "close", count: 0 }],
      2,
      "nothing is left of a put",
    ],
    ["a block that is known", (rows) => [rows[0], { ...rows[0], i: 2 }], 3, "block test_1 is known already"],
    ["values that are finished", (rows) => [...rows.slice(0, 3), { ...rows[3], use: "finish" }], 5, "is no stream"],
    ["a lock that nobody has", () => [{ ...first(), op: "unlock" }], 2, "holds no read lock"],
  ])("%s", async (_what, lines, line, reason) => {
    await expect(check(lines(recording()))).rejects.toMatchObject({
      line,
      reason: expect.stringContaining(reason) as string,
    });
  });

  test.each([
    ["an extension that is not known", { extension: "blocks-2" }, 'extension "blocks-2" is not known here'],
    ["vector bytes", { vectorBytes: [1, 2] }, "vectorBytes must be three numbers"],
  ])("%s in the header", async (_what, change, reason) => {
    await expect(check([], { ...HEADER, ...change })).rejects.toMatchObject({
      line: 1,
      reason: expect.stringContaining(reason) as string,
    });
  });
});
