// Thinning keeps what a drawing must show: the extremes of every column and the last state, every event counted once.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Envelope } from "../../src/report/envelope.js";
import { type Mark, Marks } from "../../src/report/recording/marks.js";
import { seeded } from "../help/seed.js";

const cell = fc.integer({ min: 0, max: 50 });
const states = fc.array(fc.tuple(cell, cell, cell, cell), { minLength: 1, maxLength: 400 });

test("of every stretch the least, the greatest and the last state are kept", () => {
  fc.assert(
    fc.property(states, fc.integer({ min: 1, max: 20 }), (all, half) => {
      const envelope = new Envelope(2 * half);
      all.forEach((cells, row) => envelope.add(row, cells));
      const kept = envelope.samples();
      expect(kept.length).toBeLessThanOrEqual(2 * half * 7);
      expect(kept.map(([row]) => row)).toEqual([...new Set(kept.map(([row]) => row))].sort((a, b) => a - b));
      for (const [row, ...cells] of kept) expect(cells).toEqual(all[row]);
      // Samples hold until the next, so the last one is the last state.
      expect(kept.at(-1)!.slice(1)).toEqual(all.at(-1));
      const each = envelope.rowsEach;
      const { length } = all;
      expect(Math.ceil(length / each)).toBeLessThanOrEqual(2 * half);
      for (let from = 0; from < length; from += each) {
        const rows = Array.from({ length: Math.min(each, length - from) }, (_, i) => from + i);
        // A state that is as the one before is no sample of its own, and the one before holds.
        const news = rows.filter((row) => row === 0 || String(all[row]) !== String(all[row - 1]));
        for (const column of [0, 1, 3] as const) {
          if (news.length === 0) continue;
          const here = kept.filter(([row]) => row >= from && row < from + each).map((sample) => sample[column + 1]!);
          const every = news.map((row) => all[row]![column]);
          expect([Math.min(...here), Math.max(...here)]).toEqual([Math.min(...every), Math.max(...every)]);
        }
      }
    }),
    seeded(200),
  );
});

test("marks count every event once, and keep the largest", () => {
  const event = fc.record({ task: fc.integer({ min: 0, max: 5 }), bytes: fc.integer({ min: 1, max: 1e6 }) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (events, most) => {
      const marks = new Marks(most);
      events.forEach(({ task, bytes }, row) => {
        const mark: Mark = { row, until: row, count: 1, bytes, mostBytes: bytes, mostRow: row, because: [] };
        marks.add(task, "spill", "onHeap", mark);
      });
      const { lanes } = marks;
      expect(lanes.flatMap((lane) => lane.marks).length).toBeLessThanOrEqual(Math.max(most, 4 * lanes.length));
      for (const { party, marks: all } of lanes) {
        const mine = events.map((each, row) => ({ ...each, row })).filter(({ task }) => task === party);
        expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(mine.length);
        for (const mark of all) {
          const here = mine.filter(({ row }) => row >= mark.row && row <= mark.until);
          expect(mark.count).toBe(here.length);
          expect(mark.bytes).toBe(here.reduce((sum, { bytes }) => sum + bytes, 0));
          const largest = Math.max(...here.map(({ bytes }) => bytes));
          expect(mark.mostBytes).toBe(largest);
          expect(mark.mostRow).toBe(here.find(({ bytes }) => bytes === largest)!.row);
          expect(mark.until - mark.row).toBeLessThan(marks.rowsEach);
        }
      }
    }),
    seeded(200),
  );
});
