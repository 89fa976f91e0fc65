// The two kinds of trouble. `assert` is for our own mistakes and stops. A Refusal is for the user's limits: it is typed,
// says who asked for what and why it cannot be had, and leaves nothing behind.

/**
 * A broken invariant of this library: a bug, never an answer.
 *
 * @example
 * ```ts
 * import { AssertionError, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor();
 * } catch (error) {
 *   if (error instanceof AssertionError) throw new Error("please report this as a bug", { cause: error });
 * }
 * ```
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Stops when `condition` does not hold. `message` says what should have held. On hot paths it is better thrown by hand: a
 * message with numbers in it is made before anybody knows that it is wanted.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/**
 * Everything that is refused for a reason the user can act on. Subclasses add the facts as fields.
 * `condition` is Spark's name for the error where Spark has one (`UNABLE_TO_ACQUIRE_MEMORY`, `INVALID_EXECUTOR_MEMORY`, ...).
 *
 * @example
 * ```ts
 * import { openExecutor, Refusal } from "tungsten-memory";
 *
 * try {
 *   openExecutor({ conf: { "spark.executor.memory": "100m" } });
 * } catch (error) {
 *   if (!(error instanceof Refusal)) throw error;
 *   console.log(error.name, error.condition); // ConfigError INVALID_DRIVER_MEMORY
 * }
 * ```
 */
export class Refusal extends Error {
  /** The name of the class. */
  override readonly name: string = "Refusal";
  /** Spark's name for the error, null where it has none. */
  readonly condition: string | null;

  constructor(message: string, condition: string | null = null, options?: { cause?: unknown }) {
    super(message, options);
    this.condition = condition;
  }
}
