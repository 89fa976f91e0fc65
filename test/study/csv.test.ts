// The CSV reader against texts that people really write, and against a writer on random tables.

import fc from "fast-check";
import { expect, test } from "vitest";
import { BadCsv, fieldValue, forEachRow } from "../../src/study/csv.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function rowsOf(text: string): string[][] {
  const source = bytes(text);
  const rows: string[][] = [];
  forEachRow(source, ({ places, fields }) => {
    rows.push(
      Array.from({ length: fields }, (_, i) =>
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(fieldValue(source, places[2 * i]!, places[2 * i + 1]!)),
      ),
    );
  });
  return rows;
}

test.each([
  [
    "plain",
    "a,b\n1,2\n",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  [
    "CRLF, no line end at the end",
    "a,b\r\n1,2",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  [
    "quotes, commas and line ends inside",
    'a,b\n"x,y","1\r\n2"\n',
    [
      ["a", "b"],
      ["x,y", "1\r\n2"],
    ],
  ],
  ["a field of quotes", `a\n"${'""'.repeat(100_000)}"\n`, [["a"], ['"'.repeat(100_000)]]],
  ["doubled quotes", 'a\n"say ""no"""\n""""\n', [["a"], ['say "no"'], ['"']]],
  [
    "empty fields and empty quotes",
    'a,b,c\n,"",\n',
    [
      ["a", "b", "c"],
      ["", "", ""],
    ],
  ],
  [
    "empty lines",
    "a,b\n\n1,2\n\n",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  ["a quote inside a field", 'a\n5" disk\n', [["a"], ['5" disk']]],
  ["a lone carriage return", "a\nx\ry\n", [["a"], ["x\ry"]]],
  [
    "a byte order mark",
    "\ufeffa,b\n1,2\n",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  ["nothing", "", []],
])("%s", (_, text, rows) => expect(rowsOf(text)).toEqual(rows));

test.each([
  ["an open quote", 'a,b\n1,2\n"x,y\n3,4\n', 3, "opened and never closed"],
  ["text behind a quote", 'a,b\n"x"y,2\n', 2, "behind the closing quote"],
  ["text behind a quote after a line end inside", 'a,b\n"x\n"y,2\n', 3, "behind the closing quote"],
])("%s is told with its line", (_, text, line, why) => {
  expect(() => rowsOf(text)).toThrow(BadCsv);
  expect(() => rowsOf(text)).toThrow(`line ${line}: `);
  expect(() => rowsOf(text)).toThrow(why);
});

test("what is written comes back", () => {
  const field = fc.string({ unit: fc.constantFrom("a", "é", ",", '"', "\n", "\r", " ", "1"), maxLength: 6 });
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((width) => fc.array(fc.array(field, { minLength: width, maxLength: width })));
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n"), (rows, end) => {
      const quoted = rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(",") + end).join("");
      expect(rowsOf(quoted)).toEqual(rows);
    }),
    { seed: 20_261_121, numRuns: 300 },
  );
});
