// A policy from a file of the user's own: `--policy ./mine.ts`. The file is run, its shape and its answers are looked at before
// anything is decided by it. Needs Node.

import { createRequire } from "node:module";
import { resolve } from "node:path";
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

/**
 * The policy that a file exports, as `default` or under the name `policy`: the policy itself, or a function that makes it from
 * `{ cores, maxUnrollBytes }`. JavaScript on every Node; TypeScript where Node strips types itself (22.18 and later) or tsx is
 * installed. Throws BadPolicyFile for a file that is not there, does not run or is no policy, and for a policy whose answers
 * break a law or are not repeatable (`policyFaults`).
 */
export async function loadPolicy(file: string): Promise<PolicyChoice> {
  const exported = await exportsOf(file);
  const found = exported["default"] ?? exported["policy"];
  if (found === undefined) throw new BadPolicyFile(file, "exports no policy: write `export default { name, ... }`");
  const made = typeof found === "function" ? (found as (context: PolicyContext) => unknown)(TYPICAL) : found;
  const [fault] = policyFaults(made);
  if (fault !== undefined) throw new BadPolicyFile(file, `is no policy to decide by: ${fault}`);
  return found as Policy;
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
  interface Tsx {
    tsImport(url: string, parent: string): Promise<Record<string, unknown>>;
  }
  const tsx = installed<Tsx>("tsx/esm/api", [resolve(file), resolve("package.json")]);
  if (tsx === null) {
    throw new BadPolicyFile(
      file,
      `Node ${process.versions.node} runs no TypeScript: use Node 22.18 or later, install tsx beside the file, or write it as JavaScript`,
      { cause },
    );
  }
  try {
    return await tsx.tsImport(url, import.meta.url);
  } catch (error) {
    throw new BadPolicyFile(file, reasonOf(error), { cause: error });
  }
}

/** A package as one of these files would find it, or null. */
function installed<T>(name: string, from: readonly string[]): T | null {
  for (const file of from) {
    try {
      return createRequire(file)(name) as T;
    } catch {
      // Not there.
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
