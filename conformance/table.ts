// The table that a campaign prints, a line a profile.

import type { Tally } from "./campaign.js";

const WIDTHS = [13, 8, 11, 8, 10, 9] as const;

export function tableHead(): string {
  return line(["profile", "traces", "rows", "agree", "disagree", "seconds"]);
}

export function tableRow({ profile, traces, rows, agree, disagree, seconds }: Tally): string {
  return line([profile, traces, rows, agree, disagree, seconds.toFixed(1)].map(String));
}

function line([name, ...numbers]: readonly string[]): string {
  return name!.padEnd(WIDTHS[0]) + numbers.map((text, i) => text.padStart(WIDTHS[i + 1]!)).join("");
}
