// The clock against a sorted list.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Clock } from "../../src/sim/clock.js";
import { seeded } from "../help/seed.js";

test("things happen in the order of their times, and of their planning where those are equal", () => {
  const plans = fc.array(fc.record({ after: fc.integer({ min: 0, max: 20 }), more: fc.integer({ min: 0, max: 3 }) }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(plans, (list) => {
      const clock = new Clock();
      const planned: { time: number; order: number }[] = [];
      const happened: { time: number; order: number }[] = [];
      const plan = (after: number, more: number): void => {
        const each = { time: clock.nowUs + after, order: planned.length };
        planned.push(each);
        clock.at(each.time, {
          happen() {
            expect(clock.nowUs).toBe(each.time);
            happened.push(each);
            for (let i = 0; i < more; i += 1) plan(i, 0);
          },
        });
      };
      for (const { after, more } of list) plan(after, more);
      while (clock.step());
      expect(clock.size).toBe(0);
      expect(happened).toEqual(planned.toSorted((a, b) => a.time - b.time || a.order - b.order));
    }),
    seeded(100),
  );
});

test("the past is now, and a fraction of a microsecond is a whole one", () => {
  const clock = new Clock();
  const times: number[] = [];
  const happen = (): void => void times.push(clock.nowUs);
  clock.at(10.2, { happen });
  expect(clock.step()).toBe(true);
  clock.at(3, { happen });
  clock.step();
  expect(times).toEqual([11, 11]);
  expect(clock.step()).toBe(false);
});
