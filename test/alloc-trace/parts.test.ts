import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAndroid } from "../../src/alloc-trace/android.js";
import { type ArenaTarget, arenaTarget } from "../../src/alloc-trace/arena-target.js";
import { replayBoard, replayPart } from "../../src/alloc-trace/part-replay.js";
import { partsOf } from "../../src/alloc-trace/parts.js";
import type { ShadowTarget } from "../../src/alloc-trace/shadow.js";
import { numbers, seeded } from "../help/seed.js";
import { build, ROOT } from "../house/built.js";

const { seed } = seeded(1);

/** An Android trace of some threads that free and resize each other's blocks. */
function androidTrace(operations: number, threads: number): string {
  const random = numbers(seed);
  const lines: string[] = [];
  const live: string[] = [];
  const below = (n: number): number => Math.floor(random() * n);
  for (let i = 0; i < operations; i += 1) {
    const thread = 100 + below(threads);
    const pointer = `0x${(4096 + 16 * i).toString(16)}`;
    const bytes = below(2 ** (1 + below(13)));
    const choice = live.length > 300 ? 9 : below(10);
    if (choice < 4 || live.length === 0) lines.push(`${thread}: malloc ${pointer} ${bytes}`);
    else if (choice === 4) lines.push(`${thread}: calloc ${pointer} 3 ${bytes}`);
    else if (choice === 5) lines.push(`${thread}: memalign ${pointer} 64 ${bytes}`);
    else if (choice === 6)
      lines.push(`${thread}: realloc ${pointer} ${live.splice(below(live.length), 1)[0]} ${bytes}`);
    else {
      lines.push(`${thread}: free ${live.splice(below(live.length), 1)[0]}`);
      continue;
    }
    live.push(pointer);
  }
  return lines.join("\n");
}

const text = androidTrace(4000, 4);
const trace = readAndroid(new TextEncoder().encode(text), "made");

describe("parts", () => {
  test.each([1, 2, 3, 4])("for %i workers hold every operation once, each thread on one of them", (workers) => {
    expect(trace.threadCount).toBe(4);
    const { parts, lives } = partsOf(trace, workers);
    expect(parts.reduce((sum, part) => sum + part.kinds.length, 0)).toBe(trace.operations);
    expect(parts.map((part) => part.kinds.length)).toEqual(
      parts.map((_, worker) => trace.threads.filter((thread) => thread % workers === worker).length),
    );
    const turns = parts.flatMap((part) => [...part.lives].map((life, i) => `${life} ${part.turns[i]}`));
    expect(new Set(turns).size).toBe(trace.operations);
    expect(Math.max(...parts.flatMap((part) => [...part.lives]))).toBe(lives - 1);
    const flags = (of: "waits" | "tells"): number =>
      parts.reduce((sum, part) => sum + part[of].filter(Boolean).length, 0);
    expect(flags("waits")).toBe(flags("tells"));
    expect(flags("waits") > 0).toBe(workers > 1);
  });
});

describe("the observer of a part objects to", () => {
  const kindsFor = (bend: (target: ArenaTarget) => Partial<ShadowTarget>): Set<string> => {
    const target = arenaTarget({ limitBytes: 2 ** 24 });
    const bent = Object.create(target, Object.getOwnPropertyDescriptors(bend(target))) as ShadowTarget;
    const parted = partsOf(trace, 1);
    const { first } = replayPart(parted.parts[0]!, replayBoard(parted, 2 ** 24), bent, 1);
    return new Set(first.map(({ kind }) => kind));
  };

  test("nothing where nothing is wrong", () => {
    expect(kindsFor(() => ({}))).toEqual(new Set());
  });
  test("overlap", () => {
    expect(kindsFor((target) => ({ addressOf: (h) => Math.max(0, target.addressOf(h) - 16) }))).toContain("overlap");
  });
  test("misalignment", () => {
    expect(kindsFor((target) => ({ allocate: (bytes) => target.allocate(bytes, 8) }))).toContain("misalignment");
  });
  test("strays", () => {
    expect(kindsFor(() => ({ limitBytes: 4096 }))).toContain("stray");
  });
  test("contents", () => {
    let frees = 0;
    const spoil = (target: ArenaTarget) => (++frees === 50 ? target.u8.fill(0) : target.u8);
    expect(kindsFor((target) => ({ free: (h) => (spoil(target), target.free(h)) }))).toContain("contents");
  });
  test("a calloc that does not clear", () => {
    expect(kindsFor((target) => ({ allocateZeroed: (bytes) => target.allocate(bytes, 0) }))).toContain("contents");
  });
});

describe("the command with --workers", () => {
  let folder = "";
  beforeAll(() => {
    build();
    folder = mkdtempSync(join(tmpdir(), "parts-"));
    writeFileSync(join(folder, "threads.txt"), text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]): Record<string, unknown> =>
    JSON.parse(
      execFileSync(process.execPath, [join(ROOT, "dist/cli/main.js"), "arena", ...args, "--shadow", "--json"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as Record<string, unknown>;

  test.each([1, 2, 4])("%i replay the threads of a trace under the observer", (workers) => {
    const report = run("--trace", join(folder, "threads.txt"), "--format", "android", "--workers", `${workers}`);
    expect(report).toMatchObject({ ops: trace.operations, refused: 0, violations: 0, workers });
  });

  test.each(["2", "4"])("%s replay a trace without threads, blocks dealt out; a limit refuses", (workers) => {
    const golden = join(ROOT, "test/golden/alloc/source-map.trace.gz");
    const args = ["--trace", golden, "--format", "wee", "--workers", workers];
    expect(run(...args)).toMatchObject({ ops: 2402, refused: 0, violations: 0 });
    const tight = run(...args, "--limit", "200000");
    expect(tight).toMatchObject({ violations: 0 });
    expect(tight["refused"]).toBeGreaterThan(0);
    expect(tight["highWater"]).toBeLessThanOrEqual(200_000);
  });
});
