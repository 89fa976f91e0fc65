// Which compiled modules an entry reaches, and which imports lead out of them. For the guards that keep the main entry free
// of Node and for the size check; it reads what tsc writes, where every import stands on a line of its own or in import().
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Walks the imports, dynamic ones included, from `entry`.
 * @param {string} entry a compiled module
 * @returns {{ files: string[], outside: { file: string, specifier: string }[] }} the modules reached, and what they import
 *   that is not relative
 */
export function moduleGraph(entry) {
  const files = new Set([resolve(entry)]);
  const outside = [];
  for (const file of files) {
    for (const specifier of importsOf(readFileSync(file, "utf8"))) {
      if (/^\.{1,2}\//.test(specifier)) files.add(resolve(dirname(file), specifier));
      else outside.push({ file, specifier });
    }
  }
  return { files: [...files], outside };
}

/**
 * The specifiers that a module imports. What is imported by a computed name is named by its text.
 * @param {string} text
 * @returns {string[]}
 */
export function importsOf(text) {
  const code = text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const fixed = [...code.matchAll(/^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*["']([^"']+)["']/gm)].map((m) => m[1]);
  const called = [...code.matchAll(/\b(?:import|require)\s*\(\s*(?:["']([^"']+)["']|([^)]*))/g)];
  return [...fixed, ...called.map((m) => m[1] ?? m[2])];
}
