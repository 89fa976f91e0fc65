// Every bench runs here with tiny inputs and without peers, so that none of them rots; and the command prints what it promises.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { BENCHES } from "../../bench/benches.js";
import { runCase } from "../../bench/harness.js";
import { linePeer } from "../../bench/spark.js";
import { tiny } from "./settings.js";

describe.each(Object.entries(BENCHES))("%s", (name, load) => {
  it("runs every case, twice with the same result", async () => {
    const bench = await load();
    expect(bench.name).toBe(name);
    const cases = bench.cases(tiny());
    expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
    for (const c of cases) {
      const [first] = await runCase(name, c, tiny());
      const [second] = await runCase(name, c, tiny());
      expect(first!.row.median, c.name).toBeGreaterThan(0);
      expect(second!.row.hash, c.name).toBe(first!.row.hash);
    }
  });
});

const peer = (script: string): ReturnType<typeof linePeer> =>
  linePeer("p", "1", process.execPath, ["-e", script], tiny());

describe("a peer in a process of its own", () => {
  it("does what it is asked, line by line, and ends when its input ends", async () => {
    const contender = await peer(`
      console.log('{"ready":true}');
      require("readline").createInterface(process.stdin).on("line", (line) =>
        console.log(line === "warm 0" ? "{}" : '{"ops":5,"seconds":2,"hash":"fffffffe","spills":3}'));`);
    if ("absent" in contender) throw new Error(contender.absent);
    await contender.warm();
    expect(await contender.round()).toEqual({ ops: 5, seconds: 2, hash: -2, more: { spills: 3 } });
    await contender.close();
  });

  it("may say why it cannot take part", async () => {
    expect(await peer(`console.log('{"absent":"no JDK"}'); process.exitCode = 3;`)).toEqual({ absent: "no JDK" });
  });

  it("that fails or dies is an error, not a figure", async () => {
    await expect(peer(`console.log('{"error":"out of memory"}')`)).rejects.toThrow(
      "the peer p 1 failed: out of memory",
    );
    await expect(peer("")).rejects.toThrow("ended without an answer");
    await expect(linePeer("p", "1", "/no/such/program", [], tiny())).rejects.toThrow("ENOENT");
  });
});

describe("the command", () => {
  const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, ["--import", "tsx", main, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });

  it("prints one object a line with --json", () => {
    const lines = run("tmm", "--tiny", "--json", "--no-peers", "--seed", "7").trim().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map((row) => row["case"])).toEqual(["1 consumer", "8 consumers", "64 consumers"]);
    for (const row of rows) expect(row).toMatchObject({ bench: "tmm", peer: null, ratio: null, seed: 7, rounds: 2 });
  });

  it("refuses a bench that there is not", () => {
    expect(() => run("no-such-bench")).toThrow(expect.objectContaining({ status: 2 }));
  });
});
