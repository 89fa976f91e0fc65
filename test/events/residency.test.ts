import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readResidency, residencyOf } from "../../src/events/residency.js";
import type { Line } from "../../src/trace/source.js";

const HEADER =
  "Stage ID,RDD ID,Name,Scope,Parent IDs,Use ExternalBlockStore,Deserialized,Use Memory,Use Disk,Replication,Number of Partitions,ExternalBlockStore Size,RddID,Memory Size,Number of Cached Partitions,Use Memory,Use Disk,Disk Size,Memory,Disk,";

async function* lines(...rows: string[]): AsyncGenerator<Line> {
  for (const [i, text] of [HEADER, ...rows].entries()) yield { line: i + 1, text };
}

/** A row: RDDs that were never cached have no residency. */
const row = (stage: number, rdd: number, parents: string, cached: boolean, held: readonly [number, number] | null) =>
  `${stage},${rdd},R${rdd}; x,1 map ,${parents},false,${cached},${cached},false,1,2,0,${held === null ? "null,null,null,null,null,null" : `${rdd},${held[0]},2,true,true,${held[1]}`},false,false,`;

test("stages in order, the partitions of what they read first, sizes, references and unpersisting", async () => {
  const rows = await readResidency(
    "rdd.csv",
    lines(
      row(7, 1, "0", false, [30, 10]),
      row(7, 2, "1", true, [5, 0]),
      row(3, 2, "1", true, [5, 0]),
      row(3, 1, "0", true, [30, 10]),
      row(1, 1, "0", true, [30, 10]),
      row(1, 4, "1", false, null),
      row(1, 5, "4", true, null),
    ),
  );
  const { stages, rdds, memoryBytes, diskBytes, requests } = residencyOf(rows);
  expect({ stages, memoryBytes, diskBytes }).toEqual({ stages: 3, memoryBytes: 35, diskBytes: 10 });
  expect(rdds.map(({ rdd, name, parents }) => [rdd, name, parents])).toEqual([
    [1, "R1", [0]],
    [2, "R2", [1]],
  ]);
  // Stage 1 reads RDD 1 (RDD 5 was never held), stages 3 and 7 read RDD 2; RDD 1 has been unpersisted by stage 7.
  expect([...requests.groups]).toEqual([1, 1, 2, 2, 2, 2]);
  expect([...requests.ids]).toEqual([0, 1, 2, 3, 2, 3]);
  expect([...requests.sizes]).toEqual([20, 20, 3, 3, 3, 3]);
  expect([...requests.refs]).toEqual([0, 0, 1, 1, 0, 0]);
  expect(requests.changes).toEqual([
    { at: 4, group: 1, refs: null },
    { at: 4, group: 2, refs: 0 },
  ]);
});

test("what is no table of RDDs is named with its line", async () => {
  async function* other(): AsyncGenerator<Line> {
    yield { line: 1, text: "a,b,c" };
  }
  await expect(readResidency("rdd.csv", other())).rejects.toMatchObject({ line: 1, name: "Unreadable" });
  await expect(readResidency("rdd.csv", lines())).rejects.toMatchObject({ line: 1 });
  await expect(readResidency("rdd.csv", lines("1,2,3"))).rejects.toMatchObject({ line: 2 });
  const bad = row(1, 1, "", true, [1, 1]).replace("1,1,R1", "one,1,R1");
  await expect(readResidency("rdd.csv", lines(row(1, 1, "", true, [1, 1]), bad))).rejects.toMatchObject({ line: 3 });
});

test("a real table: logistic regression reads its one cached RDD in seven stages", async () => {
  const text = readFileSync(new URL("logs/logistic-regression-rdd.csv", import.meta.url), "utf8").trimEnd();
  const rows = await readResidency("rdd.csv", lines(...text.split("\n").slice(1)));
  const { rdds, requests } = residencyOf(rows);
  expect(rdds).toMatchObject([{ rdd: 2, partitions: 800, memoryBytes: 9_894_823_680, diskBytes: 7_890_000_000 }]);
  expect(requests).toMatchObject({ count: 7 * 800, objects: 800, unit: "bytes" });
});
