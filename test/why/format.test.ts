// The binary form: its bytes, that nothing is lost on the way there and back, and what becomes of files that break it.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ON_HEAP } from "../../src/memory/mode.js";
import { PROFILE_NAMES } from "../../src/trace/profiles.js";
import { generatedLines } from "../../src/trace/decide.js";
import { checkTrace } from "../../src/trace/verify.js";
import { exportedLines, exportedRows } from "../../src/why/exported.js";
import { FACT_CODE, Malformed } from "../../src/why/format.js";
import { CauseReader } from "../../src/why/reader.js";
import { causesOf } from "../../src/why/replay.js";
import { CauseWriter } from "../../src/why/writer.js";
import { seeded } from "../help/seed.js";
import { recordedOf } from "../trace/traces.js";
import { Holder, read, recorded } from "./help.js";

/** The binary form of a trace. */
async function binaryOf(lines: readonly string[], bufferBytes?: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const chunks = causesOf(recordedOf(lines), bufferBytes);
  for (;;) {
    const step = await chunks.next();
    if (step.done === true) {
      expect(step.value).toBe(0);
      return Buffer.concat(parts);
    }
    if (bufferBytes !== undefined) expect(step.value.length).toBeLessThanOrEqual(bufferBytes + 256);
    parts.push(step.value);
  }
}

async function exported(bytes: Uint8Array): Promise<string[]> {
  const lines: string[] = [];
  const chunks = (async function* () {
    yield bytes;
  })();
  for await (const line of exportedLines(new CauseReader("run.causes"), chunks)) lines.push(line);
  return lines;
}

/** A line without what export adds to it. */
const plain = (line: string): unknown => {
  const { cause: _cause, causes: _causes, ...rest } = JSON.parse(line) as Record<string, unknown>;
  return rest;
};

test("these are the bytes", async () => {
  const { bytes } = await recorded((executor) => {
    const holder = new Holder(executor.task(7), { name: "sort" });
    holder.acquireMemory(300);
    executor.store.putAccount("rdd_2_7", 400, ON_HEAP, "disk");
    executor.store.putAccount("b", 200);
    executor.manager.acquireExecution(600, -1, ON_HEAP);
    holder.freeMemory(300);
  });
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  expect(Buffer.from(bytes.subarray(0, 12)).toString("latin1")).toBe("TMCAUSE\n\x02\0\0\0");
  expect(JSON.parse(Buffer.from(bytes.subarray(16, 16 + length)).toString())).toMatchObject({
    trace: "executor-memory",
    version: 1,
    looks: "rows",
    state: { onHeap: [500, 0, 500, 0], offHeap: [250, 0, 250, 0] },
  });
  // The first row tells the whole state, the others what has changed.
  expect(Buffer.from(bytes.subarray(16 + length)).toString("hex")).toMatchInlineSnapshot(
    `"010eac020010ac020057e807d804e807f403f4030900020790030001230008a006fe0162810001000000c80164c801820100c9010901c801000023000dc901c80190038000030000d804d804006400020083010002070000900301820200a0068403900300900390030100000103d80400109003000fa006a006a106a106020eac0200000002d904ff0506"`,
  );
});

describe("there and back", () => {
  test.each(PROFILE_NAMES)("%s: every row as it was", async (profile) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 3000 }), async (seed, buffer) => {
        const lines = [...generatedLines({ profile, seed }, 120)];
        const bytes = await binaryOf(lines, buffer);
        const back = await exported(bytes);
        expect(back.map(plain)).toEqual(lines.map(plain));
        expect(await checkTrace(recordedOf(back))).toEqual({ rows: lines.length - 2, disagreement: null });
        // Facts are the same whether they are read from the bytes, piece by piece, or from the exported rows.
        const { facts } = read(bytes, 1 + (seed % 97));
        const carried = [];
        for await (const row of exportedRows(recordedOf(back))) carried.push(...row.facts);
        expect(carried).toEqual(facts);
      }),
      seeded(2),
    );
  });

  test("numbers of any size and sign, names beyond the table", async () => {
    const parts: Uint8Array[] = [];
    const header = (await recorded(() => {})).bytes;
    const text = Buffer.from(header.subarray(16, header.length - 3)).toString();
    const out = new CauseWriter(text, (bytes) => parts.push(bytes.slice()), 100);
    const numbers = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
    const signed = numbers.flatMap((n) => (n === 0 ? [0] : [n, -n]));
    const names = Array.from({ length: 70_000 }, (_, i) => `c${i}`);
    const spill = (consumer: string, asked: number, task: number): void => {
      const name = out.name(consumer);
      out.fact(FACT_CODE + 7);
      out.cause(0);
      out.signed(task);
      out.count(name);
      out.signed(task);
      out.count(name);
      out.count(asked);
      out.signed(-task);
    };
    for (const task of signed) spill("a", Math.abs(task), task);
    for (const name of names) out.name(name);
    const late = [0, 999, 65_534, 65_535, 69_999].map((i) => names[i]!);
    for (const name of late) spill(name, 1, 1);
    spill("a", 2, 2);
    out.end();
    const { of } = read(Buffer.concat(parts), 1000);
    const spills = of("spilled");
    expect(spills.slice(0, signed.length).map(({ task, asked, freedBytes }) => [task, asked, freedBytes + 0])).toEqual(
      signed.map((n) => [n, Math.abs(n), 0 - n]),
    );
    expect(spills.slice(signed.length).map(({ consumer }) => consumer)).toEqual([...late, "a"]);
  });
});

describe("a file that breaks the format", () => {
  const whole = async (): Promise<Uint8Array> =>
    (
      await recorded(({ manager, store }) => {
        manager.acquireExecution(700, 1, ON_HEAP);
        store.putAccount("rdd_1_0", 300);
        store.putAccount("b", 900);
      })
    ).bytes;

  /** Where and why a file is refused. */
  function refusal(bytes: Uint8Array): [number, string] {
    try {
      read(bytes);
    } catch (error) {
      if (error instanceof Malformed) {
        expect(error.message).toBe(`run.causes, byte ${error.offset}: ${error.reason}`);
        return [error.offset, error.reason];
      }
      throw error;
    }
    throw new Error("it was read");
  }

  const altered = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy.set(values, at < 0 ? copy.length + at : at);
    return copy;
  };

  test("is cut off, wherever it is cut", async () => {
    const bytes = await whole();
    expect(refusal(new Uint8Array(0))).toEqual([0, "is empty"]);
    for (let length = 1; length < bytes.length; length += 1)
      expect(refusal(bytes.subarray(0, length))).toEqual([length, "the end is missing: the file was cut off"]);
  });

  test("is foreign, of another version, or longer than it says", async () => {
    const bytes = await whole();
    expect(refusal(Buffer.from('{"trace":"executor-memory"}'))).toEqual([0, "is no recording with causes"]);
    expect(refusal(altered(bytes, 3, 0))).toEqual([3, "is no recording with causes"]);
    expect(refusal(altered(bytes, 8, 3))).toEqual([8, "version 3 is not known here, only 2"]);
    expect(refusal(Buffer.concat([bytes, Buffer.from([1])]))).toEqual([bytes.length, "stands after the end"]);
  });

  test("has a header that is none", async () => {
    const bytes = await whole();
    expect(refusal(altered(bytes, 16, 0x5b))[1]).toMatch(/^the header is not JSON/);
    expect(refusal(altered(bytes, 12, 255, 255, 255, 255))).toEqual([12, "a header of 4294967295 bytes"]);
    const renamed = Buffer.from(
      Buffer.from(bytes).toString("latin1").replace("executor-memory", "executor-cookie"),
      "latin1",
    );
    expect(refusal(renamed)).toEqual([16, "is not the header of a memory trace"]);
  });

  test("has other counts at its end, or codes, words and names that there are not", async () => {
    const bytes = await whole();
    expect(refusal(altered(bytes, -1, 9))[1]).toMatch(/^says that there are 3 rows and 9 facts, but there are 3 and /);
    const body = 16 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
    expect(refusal(altered(bytes, body, 100))).toEqual([body + 1, "code 100 is not known"]);
    expect(refusal(altered(bytes, body, 200))).toEqual([body + 1, "code 200 is not known"]);
    const header = bytes.subarray(0, body);
    const after = (...row: number[]): [number, string] => {
      const [offset, reason] = refusal(Buffer.concat([header, Buffer.from(row)]));
      return [offset - body, reason];
    };
    expect(after(130, 7)).toEqual([2, "a cause 7 facts before fact 1"]);
    expect(after(1, 2, 5, 2)).toEqual([4, "mode 2"]);
    expect(after(10, 4)).toEqual([2, "name 3 of 0"]);
    expect(after(9, 0, 1, 1, 5, 0, 7)).toEqual([7, "word 7 of 2"]);
    expect(after(4, 2, 99)).toEqual([3, "a result of kind 99 is not known"]);
    expect(after(4, 2, 0, 2)).toEqual([4, "what a row caused begins with 0 or 1, not 2"]);
    expect(after(4, 2, 0, 1, 1, 0, 0)).toEqual([6, "a row that caused 1 evictions and 0 spills, more than are told"]);
    expect(after(4, 2, 0, 1, 0, 0, 1, 5)).toEqual([8, "there is no row -4 before row 1"]);
    expect(after(4, 2, 0, 0, 1, 3)).toEqual([6, "a pool of -1 bytes"]);
    expect(after(1, 2, 255, 255, 255, 255, 255, 255, 255, 255)[1]).toBe("a number of more than 53 bits");
    expect(after(127, 2, 0x7b, 0x7d)[1]).toBe("a row without an op");
    expect(after(127, 2, 0x7b, 0x7b)[1]).toMatch("is no JSON object");
    expect(after(254, 1, 0xff)[1]).toBe("is not UTF-8 text");
    expect(after(254, 255, 255, 255, 255, 15)[1]).toMatch(/^a text of \d+ bytes$/);
  });

  test("never is anything but Malformed, whatever is altered", async () => {
    const bytes = await whole();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        try {
          read(altered(bytes, at, value));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      seeded(300),
    );
  });
});
