// The harness with contenders that only keep a diary: turns, discarded rounds, ratios and hashes can then be told exactly.

import { describe, expect, it } from "vitest";
import {
  AHEAD,
  atLeast,
  type Case,
  type Contender,
  looped,
  median,
  MILLION_ROWS,
  NS_PER_PAIR,
  ratio,
  runCase,
  type Unit,
} from "../../bench/harness.js";
import { tiny } from "./settings.js";

interface Script {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly hash?: number | null;
}

function scripted(diary: string[], { name, seconds, hash = 7 }: Script): Contender {
  let round = 0;
  return {
    name,
    version: "1",
    warm: () => void diary.push(`${name} warm`),
    round() {
      diary.push(name);
      const taken = seconds[round % seconds.length]!;
      round += 1;
      return { ops: 1, seconds: taken, hash };
    },
    close: () => void diary.push(`${name} closed`),
  };
}

function contest(diary: string[], ours: Script, peer: Script, unit: Unit = NS_PER_PAIR): Case {
  return { name: "c", unit, ours: () => scripted(diary, ours), peers: [async () => scripted(diary, peer)] };
}

/** A machine on which others took `cores` during the n-th round. A round here lasts next to nothing, so any tick is a lot. */
function neighbours(busy: (round: number) => boolean): () => { machine: number; own: number } {
  let readings = 0;
  let machine = 0;
  return () => {
    if (readings % 2 === 1 && busy((readings - 1) / 2)) machine += 10;
    readings += 1;
    return { machine, own: 0 };
  };
}

describe("turns", () => {
  it("alternate, after a warm-up each, and everybody is closed", async () => {
    const diary: string[] = [];
    await runCase(
      "b",
      contest(diary, { name: "a", seconds: [1] }, { name: "p", seconds: [1] }),
      tiny({ rounds: 3, maxRounds: 5 }),
    );
    expect(diary).toEqual(["a warm", "p warm", "a", "p", "a", "p", "a", "p", "a closed", "p closed"]);
  });

  it("close everybody also when one of them fails", async () => {
    const diary: string[] = [];
    const failing: Contender = {
      ...scripted(diary, { name: "p", seconds: [1] }),
      round: () => {
        throw new Error("lost");
      },
    };
    const c: Case = {
      ...contest(diary, { name: "a", seconds: [1] }, { name: "p", seconds: [1] }),
      peers: [async () => failing],
    };
    await expect(runCase("b", c, tiny())).rejects.toThrow("lost");
    expect(diary.slice(-2)).toEqual(["a closed", "p closed"]);
  });
});

describe("rounds beside a busy neighbour", () => {
  it("are thrown away, counted and taken again", async () => {
    const diary: string[] = [];
    // Rounds are numbered over both: 0 is ours, 1 the peer's. Ours of the first turn is disturbed.
    const settings = tiny({ rounds: 2, maxRounds: 4, cpuTimes: neighbours((round) => round === 0) });
    const c = contest(diary, { name: "a", seconds: [9e-9, 2e-9, 2e-9] }, { name: "p", seconds: [4e-9] });
    const [outcome] = await runCase("b", c, settings);
    expect(diary.filter((entry) => entry === "a")).toHaveLength(3);
    expect(diary.filter((entry) => entry === "p")).toHaveLength(2);
    expect(outcome).toMatchObject({ discarded: 1, disturbed: false, row: { median: 2, max: 2, rounds: 2, load: 0 } });
  });

  it("are kept when there is nothing better, the least disturbed first, and said to be", async () => {
    const diary: string[] = [];
    const settings = tiny({ rounds: 2, maxRounds: 3, cpuTimes: neighbours(() => true) });
    const [outcome] = await runCase(
      "b",
      contest(diary, { name: "a", seconds: [1] }, { name: "p", seconds: [1] }),
      settings,
    );
    expect(outcome).toMatchObject({ discarded: 2, disturbed: true, row: { rounds: 2 } });
    expect(outcome!.row.load).toBeGreaterThan(0.2);
  });

  it("cannot be told where the machine does not say", async () => {
    const c = contest([], { name: "a", seconds: [1] }, { name: "p", seconds: [1] });
    const [outcome] = await runCase("b", c, tiny({ cpuTimes: () => null }));
    expect(outcome).toMatchObject({ discarded: 0, disturbed: false, row: { load: null } });
  });
});

describe("figures", () => {
  it("say better with a ratio above 1, whether low or high is good", async () => {
    expect(ratio(10, 400, NS_PER_PAIR)).toBe(40);
    expect(ratio(400, 10, MILLION_ROWS)).toBe(40);
    const c = contest([], { name: "a", seconds: [1e-8] }, { name: "p", seconds: [4e-7, 4e-7, 5e-7] });
    const [outcome] = await runCase("b", c, tiny({ rounds: 3, maxRounds: 3 }));
    expect(outcome!.row).toMatchObject({ median: 10, min: 10, max: 10, peerMedian: 400, ratio: 40 });
    expect(outcome!.peerRange).toEqual([400, 500]);
  });

  it("come with exactly the fields that are promised", async () => {
    const c = contest([], { name: "a", seconds: [1] }, { name: "p", seconds: [1] });
    const [outcome] = await runCase("b", c, tiny());
    expect(Object.keys(outcome!.row).join()).toBe(
      "bench,case,median,min,max,unit,rounds,peer,peerVersion,peerMedian,ratio,load,hash,seed,node,cpu",
    );
    expect(outcome!.row).toMatchObject({
      bench: "b",
      case: "c",
      peer: "p",
      peerVersion: "1",
      hash: "00000007",
      seed: 42,
    });
  });

  it("are held against a goal, by the peer's name", async () => {
    const c: Case = {
      ...contest([], { name: "a", seconds: [1e-8] }, { name: "p", seconds: [4e-7] }),
      goal: (name) => (name === "p" ? atLeast(40) : null),
    };
    expect((await runCase("b", c, tiny()))[0]!.goal).toEqual({ text: ">= 40 x", reached: true });
    expect((await runCase("b", { ...c, goal: () => atLeast(41) }, tiny()))[0]!.goal!.reached).toBe(false);
    expect((await runCase("b", { ...c, peers: [] }, tiny()))[0]!.goal).toBeNull();
    const equal = contest([], { name: "a", seconds: [1] }, { name: "p", seconds: [1] });
    expect((await runCase("b", { ...equal, goal: () => AHEAD }, tiny()))[0]!.goal!.reached).toBe(false);
  });

  it("may be several of the same rounds", async () => {
    const diary: string[] = [];
    const c: Case = {
      ...contest(diary, { name: "a", seconds: [2e-8] }, { name: "p", seconds: [1e-8] }),
      also: [{ name: "d", unit: MILLION_ROWS, goal: () => AHEAD }],
    };
    const rows = (await runCase("b", c, tiny())).map(({ row, goal }) => [
      row.case,
      row.median,
      row.ratio,
      goal?.reached,
    ]);
    expect(rows).toEqual([
      ["c", 20, 0.5, undefined],
      ["d", 50, 0.5, false],
    ]);
    expect(diary.filter((entry) => entry === "a")).toHaveLength(2);
  });

  it("are of fewer rounds where a case wants fewer", async () => {
    const c = contest([], { name: "a", seconds: [1] }, { name: "p", seconds: [1] });
    const [outcome] = await runCase("b", { ...c, mostRounds: 2 }, tiny({ rounds: 3, maxRounds: 5 }));
    expect(outcome!.row.rounds).toBe(2);
  });

  it("stand alone where the peer is absent, with the reason", async () => {
    const notes: string[] = [];
    const c = {
      ...contest([], { name: "a", seconds: [1] }, { name: "p", seconds: [1] }),
      peers: [async () => ({ absent: "no JDK" })],
    };
    const [outcome] = await runCase("b", c, tiny({ note: (text) => notes.push(text) }));
    expect(outcome!.row).toMatchObject({ peer: null, peerVersion: null, peerMedian: null, ratio: null });
    expect(notes).toEqual(["goes on without a peer: no JDK"]);
  });

  it("take the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe("hashes", () => {
  it("that differ between contenders end the case", async () => {
    const c = contest([], { name: "a", seconds: [1], hash: 1 }, { name: "p", seconds: [1], hash: 2 });
    await expect(runCase("b", c, tiny())).rejects.toThrow("the results differ (00000001 by a 1, 00000002 by p 1)");
  });

  it("may be unknown to a peer, but not to everybody", async () => {
    const known = contest([], { name: "a", seconds: [1], hash: 1 }, { name: "p", seconds: [1], hash: null });
    expect((await runCase("b", known, tiny()))[0]!.row.hash).toBe("00000001");
    const unknown = contest([], { name: "a", seconds: [1], hash: null }, { name: "p", seconds: [1], hash: null });
    await expect(runCase("b", unknown, tiny())).rejects.toThrow("nobody told a hash");
  });

  it("that differ between two blocks of one loop end the round", () => {
    let block = 0;
    const contender = looped(tiny(), 1, () => (block += 1));
    expect(() => contender.round()).toThrow("different answers");
  });
});
