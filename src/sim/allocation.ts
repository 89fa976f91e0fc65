// How many executors there should be: all of them from the start, or as many as the backlog asks for (section 11.2 of the
// law). Pure opinion: what is known in, a target out; the simulator starts and removes.

/** What an allocation knows. */
export interface AllocationView {
  readonly nowUs: number;
  readonly runningTasks: number;
  readonly pendingTasks: number;
  readonly tasksPerExecutor: number;
  /** Executors that are there or being started. */
  readonly executors: number;
}

/** What it remembers: executors wanted, how many the next step adds, and when that step is due (null: nothing is pending). */
export interface AllocationState {
  readonly target: number;
  readonly step: number;
  readonly addAtUs: number | null;
}

export interface AllocationRules {
  readonly least: number;
  readonly most: number;
  readonly initial: number;
  /** Executors wanted for each that the tasks would fill: above 0, at most 1. */
  readonly ratio: number;
  readonly backlogTimeoutUs: number;
  readonly sustainedTimeoutUs: number;
  readonly idleTimeoutUs: number;
  /** The same for one that holds cached blocks. */
  readonly cachedIdleTimeoutUs: number;
}

const SECOND_US = 1_000_000;

/** Spark's defaults with at most `most` executors. */
export function dynamicRules(most: number): AllocationRules {
  return {
    least: 0,
    most,
    initial: 0,
    ratio: 1,
    backlogTimeoutUs: SECOND_US,
    sustainedTimeoutUs: SECOND_US,
    idleTimeoutUs: 60 * SECOND_US,
    cachedIdleTimeoutUs: Infinity,
  };
}

/** How often the target is looked at. */
export const ALLOCATION_TICK_US = SECOND_US / 10;

/** What to aim at after this look. */
export function nextAllocation(view: AllocationView, state: AllocationState, rules: AllocationRules): AllocationState {
  const { nowUs, runningTasks, pendingTasks, tasksPerExecutor } = view;
  const { least, most, ratio, backlogTimeoutUs, sustainedTimeoutUs } = rules;
  const clamp = (n: number): number => Math.min(most, Math.max(least, n));
  const need = Math.ceil(((runningTasks + pendingTasks) * ratio) / tasksPerExecutor);
  if (pendingTasks === 0) return { target: Math.min(state.target, clamp(need)), step: 1, addAtUs: null };
  const addAtUs = state.addAtUs ?? nowUs + backlogTimeoutUs;
  if (need < state.target) return { target: clamp(need), step: 1, addAtUs };
  if (nowUs < addAtUs) return { ...state, addAtUs };
  const target = clamp(Math.min(Math.max(state.target, view.executors) + state.step, need));
  const step = target === state.target ? 1 : 2 * state.step;
  return { target, step, addAtUs: nowUs + sustainedTimeoutUs };
}

/** Whether an executor that has been idle since then may go. `executors` counts those that are there. */
export function mayGo(
  view: Pick<AllocationView, "nowUs" | "executors">,
  idleSinceUs: number,
  holdsBlocks: boolean,
  state: AllocationState,
  rules: AllocationRules,
): boolean {
  const timeoutUs = holdsBlocks ? Math.max(rules.idleTimeoutUs, rules.cachedIdleTimeoutUs) : rules.idleTimeoutUs;
  return view.nowUs - idleSinceUs >= timeoutUs && view.executors > Math.max(rules.least, state.target);
}
