// A policy from a file of the user's own: `--policy ./mine.ts`. The file is run, its shape and its answers are looked at before
// anything is decided by it. Needs Node.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Refusal } from "../fault.js";
import type { Policy } from "../policy/policy.js";
import { type PolicyChoice, type PolicyContext, policyNamed } from "../policy/registry.js";
import { policyFaults } from "./policy-check.js";

/** A file that cannot be loaded as a policy. Names the file and what is wrong. */
export class BadPolicyFile extends Refusal {
  override readonly name = "BadPolicyFile";
  readonly file: string;

  constructor(file: string, why: string, options?: { cause?: unknown }) {
    super(`${file}: ${why}`, null, options);
    this.file = file;
  }
}

/** A typical executor, for looking at a policy that is made for one. */
const TYPICAL: PolicyContext = { cores: 4, maxUnrollBytes: 2 ** 20 };

/** Whether a choice on a command line means a file: it has a folder in it, or ends as code does. */
export function isPolicyFile(choice: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(choice);
}

/** A shipped policy's name, or a file. Throws UnknownName or BadPolicyFile. */
export async function choosePolicy(choice: string): Promise<PolicyChoice> {
  if (isPolicyFile(choice)) return loadPolicy(choice);
  policyNamed(choice, TYPICAL);
  return choice;
}

/** Policies by the names and files of a command line, loaded. Throws UnknownName or BadPolicyFile. */
export async function loadPolicies(choices: readonly string[]): Promise<(choice: string) => PolicyChoice> {
  const found = new Map<string, PolicyChoice>();
  for (const choice of choices) found.set(choice, await choosePolicy(choice));
  return (choice) => found.get(choice)!;
}

/**
 * The policy that a file exports, as `default` or under the name `policy`: the policy itself, or a function that makes it from
 * `{ cores, maxUnrollBytes }`. JavaScript on every Node; TypeScript where Node strips types itself (22.18 and later) or tsx is
 * installed. Throws BadPolicyFile for a file that is not there, does not run or is no policy, and for a policy whose answers
 * break a law or are not repeatable (`policyFaults`).
 */
export async function loadPolicy(file: string): Promise<PolicyChoice> {
  const found = policyIn(await exportsOf(file));
  if (found === undefined) throw new BadPolicyFile(file, "exports no policy: write `export default { name, ... }`");
  const [fault] = policyFaults(typeof found === "function" ? made(file, found as Maker) : found);
  if (fault !== undefined) throw new BadPolicyFile(file, `is no policy to decide by: ${fault}`);
  return found as Policy;
}

type Maker = (context: PolicyContext) => unknown;

function made(file: string, maker: Maker): unknown {
  try {
    return maker(TYPICAL);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BadPolicyFile(file, `the function that makes the policy throws: ${why}`, { cause });
  }
}

// A file that is taken for CommonJS, as TypeScript outside of a package is, has its exports within the default one.
function policyIn(exported: Record<string, unknown>): unknown {
  const found = exported["default"] ?? exported["policy"];
  const within = typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  return within["name"] === undefined ? (within["default"] ?? within["policy"] ?? found) : found;
}

async function exportsOf(file: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(resolve(file)).href;
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    if (!isUnknownExtension(cause)) throw new BadPolicyFile(file, reasonOf(cause), { cause });
    return importByTsx(file, url, cause);
  }
}

async function importByTsx(file: string, url: string, cause: unknown): Promise<Record<string, unknown>> {
  const api = tsxBeside([resolve(file), resolve("package.json")]);
  if (api === null) {
    throw new BadPolicyFile(
      file,
      `Node ${process.versions.node} runs no TypeScript: use Node 22.18 or later, install tsx beside the file, or write it as JavaScript`,
      { cause },
    );
  }
  try {
    const tsx = (await import(api)) as { tsImport(url: string, parent: string): Promise<unknown> };
    return (await tsx.tsImport(url, import.meta.url)) as Record<string, unknown>;
  } catch (error) {
    throw new BadPolicyFile(file, reasonOf(error), { cause: error });
  }
}

/** The module of tsx that imports TypeScript, as one of these files would find it, or null. Its CommonJS form cannot. */
function tsxBeside(files: readonly string[]): string | null {
  for (const file of files) {
    try {
      const manifest = createRequire(file).resolve("tsx/package.json");
      const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as {
        exports: Record<string, { import: { default: string } }>;
      };
      return pathToFileURL(join(dirname(manifest), exports["./esm/api"]!.import.default)).href;
    } catch {
      // Not there, or of a version without it.
    }
  }
  return null;
}

function isUnknownExtension(cause: unknown): boolean {
  return (cause as { code?: unknown } | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION";
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `cannot be run: ${String(cause)}`;
  return (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND"
    ? cause.message
    : `cannot be run: ${cause.message}`;
}
