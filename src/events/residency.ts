// Cached RDDs as tables that others derived from event logs (SparkBench, 2015): a row for each RDD that a stage refers to. The
// stages in order are a trace of requests for cached RDDs with their sizes and lineage.

import { Unreadable, type Line } from "../trace/source.js";
import { cachedFrontier } from "./lineage.js";
import { RequestLog, type CacheRequests } from "./requests.js";

/** What a row of `rdd.csv` says of one RDD in one stage. Bytes. */
export interface ResidencyRow {
  readonly stage: number;
  readonly rdd: number;
  readonly name: string;
  readonly parents: readonly number[];
  readonly cached: boolean;
  readonly partitions: number;
  /** What lay in memory and on disk in the end; 0 and 0 for an RDD that was never cached. */
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export interface Residency {
  readonly stages: number;
  readonly rdds: readonly Omit<ResidencyRow, "stage">[];
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly requests: CacheRequests;
}

const COLUMNS = ["Stage ID", "RDD ID", "Name", "Scope", "Parent IDs"] as const;

/** Reads the rows of `rdd.csv`. Throws Unreadable. */
export async function readResidency(file: string, lines: AsyncIterable<Line>): Promise<ResidencyRow[]> {
  const rows: ResidencyRow[] = [];
  let header: readonly string[] | null = null;
  for await (const { line, text } of lines) {
    const cells = text.split(",");
    if (header === null) {
      header = cells;
      if (!COLUMNS.every((name, i) => cells[i] === name))
        throw new Unreadable(file, line, `is no table of RDDs: it does not begin with ${COLUMNS.join(",")}`);
      continue;
    }
    rows.push(rowOf(file, line, header, cells));
  }
  if (rows.length === 0) throw new Unreadable(file, 1, "holds no RDDs");
  return rows;
}

function rowOf(file: string, line: number, header: readonly string[], cells: readonly string[]): ResidencyRow {
  if (cells.length !== header.length)
    throw new Unreadable(file, line, `has ${cells.length} cells where the header has ${header.length}`);
  const cell = (name: string): string => cells[header.indexOf(name)] ?? "";
  const whole = (name: string): number => {
    const text = cell(name);
    if (text === "null") return 0;
    if (!/^\d{1,15}$/.test(text)) throw new Unreadable(file, line, `"${name}" is not a whole number: "${text}"`);
    return Number(text);
  };
  return {
    stage: whole("Stage ID"),
    rdd: whole("RDD ID"),
    name: cell("Name").split(";")[0]!,
    parents: (cell("Parent IDs").match(/\d+/g) ?? []).map(Number),
    // The header names these columns twice; the first pair is what was asked for. Some RDDs were asked for and never held a block.
    cached:
      (cell("Use Memory") === "true" || cell("Use Disk") === "true") && whole("Memory Size") + whole("Disk Size") > 0,
    partitions: whole("Number of Partitions"),
    memoryBytes: whole("Memory Size"),
    diskBytes: whole("Disk Size"),
  };
}

/**
 * The requests of the stages in ascending order: every task reads its partition of the cached RDDs that its stage meets first.
 * An RDD whose level is off in a later stage has been unpersisted by then.
 */
export function residencyOf(rows: readonly ResidencyRow[]): Residency {
  const stages = new Map<number, ResidencyRow[]>();
  for (const row of rows) {
    const stage = stages.get(row.stage);
    if (stage === undefined) stages.set(row.stage, [row]);
    else stage.push(row);
  }
  const order = [...stages.keys()].toSorted((a, b) => a - b);
  const frontiers = order.map((stage) => cachedFrontier(stages.get(stage)!));
  const left = new Map<number, number>();
  for (const { rdd } of frontiers.flat()) left.set(rdd, (left.get(rdd) ?? 0) + 1);
  const requests = new RequestLog();
  const live = new Set<number>();
  for (const [i, stage] of order.entries()) {
    for (const { rdd, cached } of stages.get(stage)!) if (!cached && live.delete(rdd)) requests.unpersisted(rdd);
    const frontier = frontiers[i]!;
    for (const { rdd } of frontier) {
      live.add(rdd);
      const refs = left.get(rdd)! - 1;
      left.set(rdd, refs);
      requests.referenced(rdd, refs);
    }
    const widest = Math.max(0, ...frontier.map(({ partitions }) => partitions));
    for (let partition = 0; partition < widest; partition += 1) {
      for (const each of frontier) {
        if (partition >= each.partitions) continue;
        requests.ask(each.rdd, partition, 0);
        requests.sized(each.rdd, partition, Math.ceil((each.memoryBytes + each.diskBytes) / each.partitions));
      }
    }
  }
  const rdds = [...new Map(rows.filter(({ memoryBytes, diskBytes }) => memoryBytes + diskBytes > 0).map(withoutStage))]
    .map(([, rdd]) => rdd)
    .toSorted((a, b) => a.rdd - b.rdd);
  return {
    stages: order.length,
    rdds,
    memoryBytes: rdds.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    diskBytes: rdds.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
    requests: requests.finish(),
  };
}

function withoutStage({ stage: _stage, ...rdd }: ResidencyRow): [number, Omit<ResidencyRow, "stage">] {
  return [rdd.rdd, rdd];
}
