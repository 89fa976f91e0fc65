// Bytes of blocks in an arena of several workers: found by handle, handed to the place that no thread has, and swept.

import { expect, test } from "vitest";
import { OFF_HEAP } from "../../src/memory/mode.js";
import { Page } from "../../src/memory/page.js";
import { Views } from "../../src/memory/views.js";
import { arenaBytes, type BlockArena } from "../../src/storage/arena-bytes.js";
import { NO_PLACE } from "../../src/storage/bytes.js";

const PLACE = 9;

/** Four pages of 16 bytes with handles of the upper half, which are negative as the arena answers them. */
function fourPages() {
  const views = new Views(new ArrayBuffer(64));
  const holders = new Map<number, number>();
  const arena: BlockArena = {
    views,
    allocate(bytes) {
      const free = [0, 1, 2, 3].find((at) => !holders.has(at - 4));
      if (free === undefined || bytes > 16) return null;
      holders.set(free - 4, 1);
      return new Page(OFF_HEAP, bytes, 16 * free, views, free - 4);
    },
    handOver(page, place) {
      holders.set(page.handle, place);
      return page.handle;
    },
    addressOf: (handle) => 16 * ((handle | 0) + 4),
    freeBlock: (handle) => expect(holders.delete(handle | 0)).toBe(true),
    forEachHeld: (place, visit) => holders.forEach((holder, handle) => holder === place && visit(handle)),
  };
  return { arena, holders };
}

test("places are taken, written, read, given and swept", () => {
  const { arena, holders } = fourPages();
  const keeper = arenaBytes(arena, PLACE);
  const places = [keeper.take(16), keeper.take(3), keeper.take(1)];
  expect(places.every((place) => place >= 0)).toBe(true);
  expect(keeper.take(17)).toBe(NO_PLACE);
  keeper.write(places[1]!, new Uint8Array([1, 2, 3]), 0);
  keeper.write(places[1]!, new Uint8Array([4]), 2);
  expect([...keeper.view(places[1]!, 3)]).toEqual([1, 2, 4]);
  // A worker's own page is none of ours.
  arena.allocate(1);
  expect(keeper.take(1)).toBe(NO_PLACE);
  keeper.give(places[0]!, 16);
  keeper.sweep!(new Set([places[1]!]));
  expect([...holders.values()].toSorted((a, b) => a - b)).toEqual([1, PLACE]);
  expect([...keeper.view(places[1]!, 3)]).toEqual([1, 2, 4]);
});
