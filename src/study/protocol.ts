// What the reporting process and a measuring process say to each other. One question, one answer, in turn.

import type { Plan } from "./plan.js";
import type { Round } from "./round.js";

export type Question = { readonly ask: "open"; readonly plan: Plan } | { readonly ask: "round" };

export type Answer =
  | { readonly tell: "ready"; /** Resident before anything is sorted. */ readonly residentBytes: number }
  | { readonly tell: "round"; readonly round: Round }
  | { readonly tell: "trouble"; readonly message: string };
