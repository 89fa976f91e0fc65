// The files that `simulate` writes: checked before anything runs, and whole or as they were.

import { accessSync, constants, existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, parse } from "node:path";
import { Refusal } from "../fault.js";

/** The file of raw figures beside a page. Throws Refusal for a page that would have its name. */
export function rawBeside(page: string): { readonly name: string; readonly path: string } {
  const { dir, name, base } = parse(page);
  const raw = `${name}.json`;
  if (raw === base)
    throw new Refusal(`--html ${page}: every run is written to ${raw} beside it, so it needs another name`);
  return { name: raw, path: join(dir, raw) };
}

/** Throws Refusal for a file that could not be written. */
export function checkWritable(option: string, file: string): void {
  refusing(option, file, () => {
    if (existsSync(file)) accessSync(file, constants.W_OK);
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error("is a folder");
    accessSync(dirname(file), constants.W_OK);
  });
}

/** Writes a file; one that is there already is replaced when the new one is whole. Throws Refusal. */
export function writeWhole(option: string, file: string, content: string): void {
  const part = existsSync(file) && statSync(file).isFile() ? `${file}.part` : file;
  refusing(option, file, () => {
    try {
      writeFileSync(part, content);
      if (part !== file) renameSync(part, file);
    } catch (error) {
      if (part !== file) rmSync(part, { force: true });
      throw error;
    }
  });
}

/** An object as people can read it too. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

function refusing(option: string, file: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new Refusal(`${option} ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
}
