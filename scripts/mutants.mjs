// How a change to the code is written down: the line as it stands and the line as it would be. So the list of changes that
// nobody can notice reads without a tool, and finds its place again when lines move.

/**
 * A mutant in words, from the source that it changes: "`before` → `after`", each cut at its first line break, blanks folded.
 * @param {string} source
 * @param {{ location: { start: { line: number, column: number }, end: { line: number, column: number } }, replacement?: string }} mutant
 */
export function inWords(source, { location: { start, end }, replacement = "" }) {
  const lines = source.split("\n");
  const first = lines[start.line - 1];
  const last = lines[end.line - 1];
  const after = first.slice(0, start.column - 1) + replacement + last.slice(end.column - 1);
  return `\`${folded(first)}\` → \`${folded(after.split("\n", 1)[0])}\``;
}

/**
 * The entries of the list by file. A heading names the file, an entry is "- `before` → `after`: reason".
 * @param {string} text
 * @returns {Map<string, string[]>}
 */
export function readEquivalents(text) {
  const found = new Map();
  let file = "";
  text.split("\n").forEach((line, at) => {
    if (line.startsWith("## ")) file = line.slice(3).trim();
    else if (line.startsWith("- ")) {
      const entry = /^- (`.*` → `.*`): \S/.exec(line);
      if (entry === null || file === "")
        throw new Error(`equivalent.md:${at + 1}: not "- \`before\` → \`after\`: reason"`);
      found.set(file, [...(found.get(file) ?? []), entry[1]]);
    }
  });
  return found;
}

function folded(line) {
  return line.trim().replace(/\s+/g, " ");
}
