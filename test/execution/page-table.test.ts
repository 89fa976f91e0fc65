import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Consumer } from "../../src/execution/consumer.js";
import { PageTable } from "../../src/execution/page-table.js";
import { MAX_PAGES } from "../../src/memory/address.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import { Page } from "../../src/memory/page.js";
import { Views } from "../../src/memory/views.js";
import { seeded } from "../help/seed.js";

const NOTHING = new Views(new ArrayBuffer(0));
const OWNER = {} as Consumer;
const newPage = (): Page => new Page(ON_HEAP, 1, 0, NOTHING, 0);

test("gives the lowest clear number, 8192 of them", () => {
  const table = new PageTable();
  for (let number = 0; number < MAX_PAGES; number += 1) {
    const taken = table.take();
    if (taken !== number) expect(taken).toBe(number);
  }
  expect(table.take()).toBe(-1);
  for (const number of [8191, 31, 32, 0, 4096, 1023, 1024]) table.give(number);
  expect(Array.from({ length: 8 }, () => table.take())).toEqual([0, 31, 32, 1023, 1024, 4096, 8191, -1]);
});

test("keeps pages and their owners by number", () => {
  const table = new PageTable();
  const [a, b] = [newPage(), newPage()];
  table.put(table.take(), a, OWNER);
  table.put(table.take(), b, OWNER);
  expect([table.get(0), table.get(1), table.get(2), table.get(-1), table.owner(1)]).toEqual([
    a,
    b,
    undefined,
    undefined,
    OWNER,
  ]);
  table.give(0);
  expect([table.get(0), table.pages()]).toEqual([undefined, [b]]);
});

test("emptied, it gives higher numbers", () => {
  const table = new PageTable();
  for (const _ of [0, 1, 2]) table.put(table.take(), newPage(), OWNER);
  table.empty();
  expect([table.pages(), table.get(1), table.take()]).toEqual([[], undefined, 3]);
});

test("agrees with a set of numbers", () => {
  const moves = fc.array(fc.oneof(fc.constant(-1), fc.nat(200)), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(moves, (steps) => {
      const table = new PageTable();
      const taken = new Set<number>();
      for (const step of steps) {
        if (step >= 0 && taken.has(step)) {
          table.give(step);
          taken.delete(step);
          continue;
        }
        let lowest = 0;
        while (taken.has(lowest)) lowest += 1;
        expect(table.take()).toBe(lowest);
        taken.add(lowest);
      }
    }),
    seeded(50),
  );
});
