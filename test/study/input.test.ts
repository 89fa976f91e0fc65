// Tables from CSV texts, from the embedded file and from the generator; their way through a file; their right order.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { generateTable } from "../../src/study/generate.js";
import { csvTable, openInput, readCsvTable } from "../../src/study/input.js";
import { referenceHash, sortedOrder } from "../../src/study/reference.js";
import { headOf, readTable, type Table, writeTable } from "../../src/study/table.js";

const directory = mkdtempSync(join(tmpdir(), "study-input-"));
afterAll(() => rmSync(directory, { recursive: true }));

const table = (text: string, key: string): Table => csvTable(new TextEncoder().encode(text), key, "text");
const rows = (t: Table, order: Iterable<number> = Array.from({ length: t.rows }, (_, i) => i)): string[] =>
  Array.from(order, (i) => new TextDecoder().decode(t.bytes.subarray(t.starts[i], t.starts[i + 1])));

test("a record is the row as it stands in the file", () => {
  const t = table('k,v\r\n3,"x, ""y"""\r\n1,z\r\n', "k");
  expect(t.kind).toBe("double");
  expect(rows(t)).toEqual(['3,"x, ""y"""', "1,z"]);
});

test("rows sort by number, nulls first, equal keys as they came", () => {
  const t = table('k,v\n10,a\n9,b\n,c\n-1,d\n9,e\n"",f\n', "k");
  expect(rows(t, sortedOrder(t)).map((row) => row.at(-1))).toEqual(["c", "f", "d", "b", "e", "a"]);
});

test("rows sort by text beyond its first eight bytes; the key stands before the row", () => {
  const t = table('k,v\nabcdefghij,1\n"abcdefgh""",2\nabcdefgh,3\nb,4\n', "k");
  expect(t.kind).toBe("text");
  expect(rows(t, sortedOrder(t)).map((row) => row.at(-1))).toEqual(["3", "2", "1", "4"]);
  expect(rows(t)[1]).toBe('\t\0\0\0abcdefgh""abcdefgh""",2');
});

test.each([
  ["", "k", "line 1: is empty"],
  ["k,v\n", "k", "line 2: is missing"],
  ["k,v\n1,2\n3\n", "k", "line 3: has 1 field, the header has 2"],
  ["k,v\n\n1,2,3\n", "k", "line 3: has 3 fields, the header has 2"],
  ["a,b\n1,2\n", "k", 'names no column "k"; its columns are a, b'],
  ["k,k\n1,2\n", "k", "twice"],
])("%j is refused", (text, key, why) => expect(() => table(text, key)).toThrow(why));

test("files: plain and gzipped alike; troubles name the file", () => {
  const plain = join(directory, "plain.csv");
  const packed = join(directory, "packed.csv.gz");
  writeFileSync(plain, "k\n2\n1\n");
  writeFileSync(packed, gzipSync("k\n2\n1\n"));
  expect({ ...readCsvTable(packed, "k"), source: "" }).toEqual({ ...readCsvTable(plain, "k"), source: "" });
  writeFileSync(packed, gzipSync("k\n2\n1\n").subarray(0, 20));
  expect(() => readCsvTable(packed, "k")).toThrow(packed);
  writeFileSync(plain, 'k\n1\n"2\n');
  expect(() => readCsvTable(plain, "k")).toThrow(`${plain}, line 3: `);
  expect(() => openInput({ input: join(directory, "absent"), key: "k", rows: null, seed: 1 })).toThrow("absent");
});

test("a pipe is read to its end", () => {
  const file = join(directory, "piped.csv");
  writeFileSync(file, `k,v\n${"1,2\n".repeat(100_000)}`);
  const program = `
    import { readCsvTable } from "./dist/study/input.js";
    console.log(readCsvTable("/dev/stdin", "k").rows);`;
  const piped = ['cat "$0" | "$1" --input-type=module -e "$2"', file, process.execPath, program];
  expect(execFileSync("sh", ["-c", ...piped], { encoding: "utf8" })).toBe("100000\n");
});

test("many columns are not all told", () => {
  const names = Array.from({ length: 5000 }, (_, i) => `c${i}`);
  const file = join(directory, "wide.csv");
  writeFileSync(file, `${names.join(",")}\n${names.map(() => "1").join(",")}\n`);
  expect(() => readCsvTable(file, "k")).toThrow(/its columns are c0, .*, c19 and 4980 more$/);
  expect(() => openInput({ input: file, key: null, rows: null, seed: 1 })).toThrow(/c19 and 4980 more$/);
});

test("the embedded table, by any of its columns", () => {
  const { table: t, notice } = openInput({ input: null, key: null, rows: null, seed: 1 });
  expect([t.rows, t.key, t.kind, notice]).toEqual([200_000, "delay", "double", null]);
  expect(openInput({ input: null, key: "time", rows: null, seed: 1 }).table.key).toBe("time");
});

test("generated rows: the seed decides, and the hash sees every change", () => {
  const t = generateTable(1000, 7);
  expect(referenceHash(generateTable(1000, 7))).toBe(referenceHash(t));
  expect(referenceHash(generateTable(1000, 8))).not.toBe(referenceHash(t));
  const before = referenceHash(t);
  t.bytes[5000]! ^= 1;
  expect(referenceHash(t)).not.toBe(before);
});

test("a table survives its file; a file cut short is refused", () => {
  const t = table("k,v\nx,1\n,2\ny,3\n", "k");
  const file = join(directory, "table");
  writeTable(file, t);
  expect(readTable(file, headOf(t))).toEqual(t);
  expect(() => readTable(file, { ...headOf(t), recordBytes: t.bytes.length + 1 })).toThrow("1 bytes early");
});
