// The file of results: a section for each bench, so that one bench can be measured again and the others keep what they had.

import { type Bench, MAX_FOREIGN_CORES, type Outcome } from "./harness.js";
import { markdownTable } from "./table.js";

const HEAD = `# Results

Written by \`npm run bench:peers\`; name benches behind \`--\` to measure only those again. A ratio above 1 means that we are better. Medians,
with ranges over the rounds that count. Rounds in which other processes took more than ${MAX_FOREIGN_CORES} cores were thrown away (their number
in brackets) and taken again; where too many were, the least disturbed stand for them and the bench says so. \`load\` is the most that
others took in a round that counts. All contenders of a case that tell a hash of their results told this one.
`;

/** One bench: what is compared, with what command and where it was measured, what bounds it, and the table. */
export function section(
  { name, about, bound }: Pick<Bench, "name" | "about" | "bound">,
  command: string,
  where: string,
  outcomes: readonly Outcome[],
  notes: readonly string[],
): string {
  const facts = [`Command: \`${command}\``, `Machine: ${where}`];
  if (bound !== undefined) facts.push(`What bounds it: ${bound}`);
  const lines = [...facts, ...notes].map((fact) => `* ${fact}`).join("\n");
  return `## ${name}\n\n${about}\n\n${lines}\n\n${markdownTable(outcomes)}`;
}

/** The new text of the file: `sections` by bench, and those of the `old` text that are not among them, in the order of `names`. */
export function results(old: string, sections: ReadonlyMap<string, string>, names: readonly string[]): string {
  const kept = new Map(
    old
      .split(/^(?=## )/m)
      .slice(1)
      .map((text) => [/^## (\S+)/.exec(text)?.[1], text]),
  );
  const texts = names.flatMap((name) => sections.get(name) ?? kept.get(name) ?? []);
  return [HEAD, ...texts].map((text) => `${text.trimEnd()}\n`).join("\n");
}
