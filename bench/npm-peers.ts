// Peers out of npm live in bench/peers with a manifest of their own, so that the library's install stays small. They are
// installed when a bench first needs them; where that cannot be, the bench goes on without.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Absent, Settings } from "./harness.js";
import { repository } from "./spark.js";

export const THING_MALLOC = "@thi.ng/malloc";

/** Where the packages of bench/peers are required from. */
export function peerRequire(): NodeJS.Require {
  return createRequire(join(repository(), "bench", "peers", "package.json"));
}

/** Sees to it that `name` is there; null, or why it is not. */
export function ensurePeer(name: string, settings: Settings): Absent | null {
  if (!settings.npmPeers) return { absent: `${name} was not wanted` };
  const folder = join(repository(), "bench", "peers");
  if (existsSync(join(folder, "node_modules", name))) return null;
  if (!settings.install) return { absent: `${name} is not set up yet (npm run bench:peers does it)` };
  process.stderr.write("peers: npm ci ...\n");
  const npm = spawnSync("npm", ["ci", "--prefix", folder], { encoding: "utf8", shell: process.platform === "win32" });
  if (npm.status === 0) return null;
  const first = (npm.error?.message ?? npm.stderr ?? "").split("\n").find((line) => line.includes("rror"));
  return { absent: `npm could not install ${name}: ${first ?? `status ${npm.status}`}` };
}

/** The exact version of a peer that is installed. */
export function peerVersion(name: string): string {
  return versionIn(join(repository(), "bench", "peers"), name);
}

/** The exact version of a tool of this repository. */
export function ownVersion(name: string): string {
  return versionIn(repository(), name);
}

function versionIn(folder: string, name: string): string {
  const manifest = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Imports an installed peer. */
export async function importPeer<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(peerRequire().resolve(name)).href)) as T;
}
