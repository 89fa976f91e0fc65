// Progress: written over on a terminal, and few plain lines elsewhere.

import { expect, test } from "vitest";
import { progressOn } from "../../src/cli/progress.js";
import { OFF_HEAP } from "../../src/memory/mode.js";

function written(stream: { isTTY: boolean; columns?: number }): string {
  let text = "";
  const write = (chunk: string): boolean => {
    text += chunk;
    return true;
  };
  const progress = progressOn({ ...stream, write } as unknown as NodeJS.WriteStream);
  progress.step("reading");
  for (let done = 1; done <= 100; done += 1) progress.round(done, 100, OFF_HEAP, 1.5e6);
  progress.clear();
  return text;
}

test("elsewhere than on a terminal, a line for each quarter", () => {
  expect(written({ isTTY: false }).split("\n")).toEqual([
    "reading",
    ...[25, 50, 75, 100].map((done) => `${done} of 100 rounds, off-heap 1.50 M rows/s`),
    "",
  ]);
});

test.each([0, 30, 200])("on a terminal of %s columns, one line that ends empty", (columns) => {
  const text = written({ isTTY: true, columns });
  expect(text).not.toContain("\n");
  const lines = text.split("\r\u001b[K");
  expect(lines.at(-1)).toBe("");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(columns || 80);
});
