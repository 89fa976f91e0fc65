// What the reporting process and a measuring process say to each other. One question, one answer, in turn.

import type { Plan } from "./plan.js";
import type { Round } from "./round.js";

export type Question<P = Plan> = { readonly ask: "open"; readonly plan: P } | { readonly ask: "round" };

export type Answer<R = Round> =
  | {
      readonly tell: "ready";
      /** Resident before anything is sorted. */
      readonly residentBytes: number;
      /** Live objects made for the collector to trace. */
      readonly ballastBytes?: number;
    }
  | { readonly tell: "round"; readonly round: R }
  | { readonly tell: "trouble"; readonly message: string };
