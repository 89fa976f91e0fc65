// A measuring process of the grid: does what it is told, one repetition at a time, and ends when nobody listens any more.

import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newHomeName } from "../../spill/home.js";
import { thisProcess } from "../../spill/owner.js";
import type { Answer, Question } from "../protocol.js";
import { type Crew, openCrew, repeat } from "./crew.js";
import type { CellPlan, ProcessResult } from "./protocol.js";

/** All files of this process and its threads lie in a directory of its own: a thread that is ended has no last word. */
let bench: { readonly plan: CellPlan; readonly crew: Crew } | null = null;
let home: { readonly own: string; readonly parent: string } | null = null;

process.on("message", (question) => {
  // Where nobody listens any more, what happens on disconnect is all there is to do.
  void answer(question as Question<CellPlan>).then((said) => process.send?.(said, () => {}));
});

process.on("disconnect", () => {
  bench?.crew.close();
  if (home !== null) {
    rmSync(home.own, { recursive: true, force: true });
    try {
      // Empty by now, unless the other process is still at it: whoever is last removes it.
      rmdirSync(home.parent);
    } catch {}
  }
  process.exit();
});

async function answer(question: Question<CellPlan>): Promise<Answer<ProcessResult>> {
  try {
    if (question.ask === "open") {
      const { plan } = question;
      home = { own: join(plan.directory, newHomeName(thisProcess(), "study")), parent: plan.directory };
      mkdirSync(home.own, { mode: 0o700 });
      bench = { plan, crew: await openCrew({ ...plan, directory: home.own }) };
      return { tell: "ready", residentBytes: process.memoryUsage.rss(), ballastBytes: bench.crew.ballastBytes };
    }
    if (bench === null) return { tell: "trouble", message: "was asked for a round before anything was opened" };
    return { tell: "round", round: await repeat(bench.crew, bench.plan) };
  } catch (error) {
    return { tell: "trouble", message: error instanceof Error ? error.message : String(error) };
  }
}
