// The reporting process's end of one measuring process: a process of its own for each mode, so that neither sees the other's
// garbage, compiled code or memory.

import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Refusal } from "../fault.js";
import type { Mode } from "../memory/mode.js";
import type { Plan } from "./plan.js";
import type { Answer, Question } from "./protocol.js";
import type { Round } from "./round.js";
import { modeTitle } from "./study.js";

const ENTRY = fileURLToPath(new URL("./child.js", import.meta.url));

/** A measuring process came to an end by itself, or said what it could not do. */
export class MeasurerFailed extends Refusal {
  override readonly name = "MeasurerFailed";
}

/** A process that measures what a plan of type P says, and answers with rounds of type R. */
export class Measurer<P extends { readonly mode: Mode } = Plan, R = Round> {
  readonly plan: P;
  readonly #process: ChildProcess;
  /** Bytes of live objects that it has made, as far as it was told to. */
  ballastBytes = 0;

  /** Starts the process. An interrupt from the keyboard does not reach it: whoever started it decides. */
  constructor(plan: P, entry: string = ENTRY, execArgv: readonly string[] = []) {
    if (!existsSync(entry)) throw new MeasurerFailed(`${entry} is not there: build first (npm run build)`);
    this.plan = plan;
    this.#process = fork(entry, [], { serialization: "advanced", execArgv: [...execArgv], detached: true });
    // Errors are told to whoever asks; one that comes between two questions shows at the next.
    this.#process.on("error", () => {});
  }

  /** Has it load the table; resident bytes before anything is sorted. */
  async open(): Promise<number> {
    const answer = await this.#ask({ ask: "open", plan: this.plan });
    if (answer.tell !== "ready") throw this.#confused(answer);
    this.ballastBytes = answer.ballastBytes ?? 0;
    return answer.residentBytes;
  }

  /** One round: of the study, one sort. */
  async round(): Promise<R> {
    const answer = await this.#ask({ ask: "round" });
    if (answer.tell !== "round") throw this.#confused(answer);
    return answer.round;
  }

  /** Ends the process now, whatever it does. Its files are left for the caller to remove. Idempotent. */
  async kill(): Promise<void> {
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  get #who(): string {
    return `the ${modeTitle(this.plan.mode)} process`;
  }

  #confused(answer: Answer<R>): MeasurerFailed {
    return new MeasurerFailed(`${this.#who} answered something else than it was asked: ${answer.tell}`);
  }

  #ask(question: Question<P>): Promise<Answer<R>> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        child.off("message", onMessage);
        child.off("exit", onExit);
        child.off("error", onError);
      };
      const onMessage = (message: unknown): void => {
        done();
        const answer = message as Answer<R>;
        if (answer.tell === "trouble") reject(new MeasurerFailed(`${this.#who}: ${answer.message}`));
        else resolve(answer);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        done();
        reject(new MeasurerFailed(`${this.#who} ended early (${signal === null ? `exit code ${code}` : signal})`));
      };
      const onError = (cause: Error): void => {
        done();
        reject(new MeasurerFailed(`${this.#who} cannot be reached: ${cause.message}`, null, { cause }));
      };
      child.on("message", onMessage);
      child.on("exit", onExit);
      child.on("error", onError);
      // A process that has ended already answers nothing; its exit was told before.
      if (child.connected) child.send(question);
      else onExit(child.exitCode, child.signalCode);
    });
  }
}
