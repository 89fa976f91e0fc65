// The matrix runs what package.json promises, in exact versions, and says why where it cannot.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NODE_VERSIONS, offlineReason, skipReason } from "../../scripts/matrix.mjs";
import { ROOT } from "../house/built.js";

test("every even line from the oldest that is promised, each in one exact version", () => {
  expect(NODE_VERSIONS.map((version) => version.split(".")[0])).toEqual(["20", "22", "24", "26"]);
  for (const version of NODE_VERSIONS) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } };
  expect(engines.node).toBe(">=20.19");
});

test("a machine without binaries is told so", () => {
  expect(skipReason("linux", "x64")).toBeNull();
  expect(skipReason("linux", "arm64")).toContain("linux-arm64");
  expect(skipReason("darwin", "arm64")).toContain("darwin-arm64");
});

test("no network is a reason to skip, a version that is gone is not", () => {
  expect(offlineReason("npm error code ENOTFOUND\nnpm error network")).toContain("ENOTFOUND");
  expect(offlineReason("npm error code EAI_AGAIN")).toContain("EAI_AGAIN");
  expect(offlineReason("npm error code ETARGET\nnpm error notarget No matching version")).toBeNull();
  expect(offlineReason("npm error code E404")).toBeNull();
});
