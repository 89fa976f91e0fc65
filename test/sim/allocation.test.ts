// How many executors there should be, step by step (section 11.2 of the law).

import { expect, test } from "vitest";
import { type AllocationState, dynamicRules, mayGo, nextAllocation } from "../../src/sim/allocation.js";

const SECOND = 1_000_000;
const START: AllocationState = { target: 0, step: 1, addAtUs: null };

function view(seconds: number, runningTasks: number, pendingTasks: number, executors: number) {
  return { nowUs: seconds * SECOND, runningTasks, pendingTasks, tasksPerExecutor: 4, executors };
}

test("a backlog adds 1 after a second, then 2, 4, 8 every second, up to what the tasks need", () => {
  const rules = dynamicRules(100);
  const targets: number[] = [];
  let state = START;
  for (let second = 0; second <= 6; second += 1) {
    state = nextAllocation(view(second, 0, 64, state.target), state, rules);
    targets.push(state.target);
  }
  // 64 tasks fill 16 executors.
  expect(targets).toEqual([0, 1, 3, 7, 15, 16, 16]);
  expect(state.step).toBe(1);
});

test("nothing is added between two steps, nor beyond the most", () => {
  let state = nextAllocation(view(0, 0, 64, 0), START, dynamicRules(2));
  state = nextAllocation(view(0.9, 0, 64, 0), state, dynamicRules(2));
  expect(state.target).toBe(0);
  for (let second = 1; second < 5; second += 1)
    state = nextAllocation(view(second, 0, 64, state.target), state, dynamicRules(2));
  expect(state.target).toBe(2);
});

test("fewer tasks lower the target at once, never below the least; without a backlog the steps begin anew", () => {
  const rules = { ...dynamicRules(100), least: 2 };
  const state = nextAllocation(view(9, 12, 0, 16), { target: 16, step: 8, addAtUs: 9 * SECOND }, rules);
  expect(state).toEqual({ target: 3, step: 1, addAtUs: null });
  expect(nextAllocation(view(9, 0, 0, 16), state, rules).target).toBe(2);
});

test("a ratio below 1 wants fewer", () => {
  const rules = { ...dynamicRules(100), ratio: 0.5 };
  let state = START;
  for (let second = 0; second < 9; second += 1) state = nextAllocation(view(second, 0, 64, state.target), state, rules);
  expect(state.target).toBe(8);
});

test("an idle executor goes after a minute, one with blocks never by default, and none below the target", () => {
  const rules = dynamicRules(100);
  const state = { target: 1, step: 1, addAtUs: null };
  const at = (seconds: number, executors: number) => ({ nowUs: seconds * SECOND, executors });
  expect(mayGo(at(59, 2), 0, false, state, rules)).toBe(false);
  expect(mayGo(at(60, 2), 0, false, state, rules)).toBe(true);
  expect(mayGo(at(60, 1), 0, false, state, rules)).toBe(false);
  expect(mayGo(at(1e9, 2), 0, true, state, rules)).toBe(false);
  expect(mayGo(at(90, 2), 0, true, state, { ...rules, cachedIdleTimeoutUs: 90 * SECOND })).toBe(true);
});
