import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../conformance/check.js";
import { kindsOf } from "../../conformance/questions.js";
import { shorten, smallest } from "../../conformance/shrink.js";
import { sparkVersion } from "../../conformance/versions.js";
import { seeded } from "../help/seed.js";
import { double } from "./double.js";

describe("a list is made small", () => {
  const none = (): undefined => undefined;

  test("to what is needed and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(99), { minLength: 1, maxLength: 40 }),
        fc.integer(),
        async (items, choice) => {
          const needed = items.filter((item) => ((choice >> (item % 31)) & 1) === 1);
          if (needed.length === 0) return;
          const fails = async (some: readonly number[]): Promise<boolean> =>
            needed.every((each) => some.includes(each));
          expect(await smallest(items, none, fails, 10_000)).toEqual(needed);
        },
      ),
      seeded(100),
    );
  });

  test("groups go together, and in one attempt", async () => {
    const tried: number[][] = [];
    const fails = async (some: readonly number[]): Promise<boolean> => {
      tried.push([...some]);
      return some.includes(21);
    };
    const kept = await smallest([10, 11, 20, 21, 30], (item) => Math.floor(item / 10), fails, 100);
    expect(kept).toEqual([21]);
    expect(tried[0]).toEqual([20, 21, 30]);
  });

  test("no further than the attempts go, and what is kept still fails", async () => {
    let attempts = 0;
    const items = Array.from({ length: 100 }, (_, i) => i);
    const fails = async (some: readonly number[]): Promise<boolean> => ((attempts += 1), some.includes(50));
    const kept = await smallest(items, none, fails, 5);
    expect(attempts).toBe(5);
    expect(kept).toContain(50);
    expect(kept.length).toBeLessThan(100);
  });
});

describe("a failing trace", () => {
  const spark = sparkVersion("4.1.1");
  const [[, kind]] = kindsOf(spark, ["consumers"]) as [ReturnType<typeof kindsOf>[number]];
  const asked = kind.ask(spark, 7, 300);

  test("that agrees has no difference", async () => {
    const checked = await check("consumers-7", await double().answer(asked));
    expect(checked).toEqual({ rows: asked.length - 2, difference: null });
  });

  test("becomes a short one that shows the same difference", async () => {
    // Somebody who grants the second consumer of a task one byte too few.
    const wrong = double((row, result) =>
      row.op === "acquire" && row.consumer === "c2" && (result["granted"] as number) > 1
        ? { granted: (result["granted"] as number) - 1 }
        : result,
    );
    const whole = await check("consumers-7", await wrong.answer(asked));
    expect(whole.difference).toMatchObject({ what: "acquire result" });
    const short = await shorten(asked, whole.difference!, wrong);
    expect(short!.slice(1, -1).map((line) => (JSON.parse(line) as { op: string }).op)).toEqual(["consumer", "acquire"]);
    expect((await check("short", { lines: short!, broken: null })).difference?.what).toBe("acquire result");
  });

  test("that does not fail again has no short form", async () => {
    const difference = { row: 5, what: "acquire result", text: "" };
    expect(await shorten(asked, difference, double())).toBeNull();
  });

  test("a request that could not be asked is told", async () => {
    const broken = { lines: ['{"end":0}'], broken: "no such thing" };
    expect((await check("x", broken)).difference?.text).toContain("no such thing");
  });
});
