// The study for a terminal: one column a mode, nothing that is not measured.

import pc from "picocolors";
import { humanBytes } from "../human.js";
import { GC_KINDS, type GcKind } from "./gc.js";
import { cautions, pressure, type Study, summarise, type Summary, verdict } from "./study.js";

type Colours = ReturnType<typeof pc.createColors>;

/** What is about to be measured. */
export function heading({ rows, source, key }: { rows: number; source: string; key: string }): string {
  return `${grouped(rows)} rows of ${source}, sorted by ${key}`;
}

/** The whole outcome. */
export function studyText(study: Study, colour: boolean): string {
  const c = pc.createColors(colour);
  const summaries = study.modes.map((mode) => summarise(mode, study.table, study.referenceHash));
  const pages = [...new Set(study.modes.map((mode) => humanBytes(mode.layout.pageBytes)))].join(" and ");
  return [
    `${pressure(study)}; pages of ${pages}, spills ${study.compress ? "compressed (LZ4)" : "not compressed"}`,
    "",
    ...table(comparison(summaries), c),
    "",
    ...footnotes(study, summaries, c),
    "",
    c.bold(verdict(study)),
  ].join("\n");
}

/** One row of the comparison: what, and its value in each mode. An indented row is a detail of the one above. */
export interface ComparisonRow {
  readonly what: string;
  readonly detail?: true;
  readonly values: readonly string[];
}

/** The comparison, one column a mode: header first. Shared by the terminal and the page. */
export function comparison(summaries: readonly Summary[]): ComparisonRow[] {
  const row = (what: string, value: (summary: Summary) => string): ComparisonRow => ({
    what,
    values: summaries.map((summary) => (summary.rounds === 0 ? NOTHING : value(summary))),
  });
  const detail = (what: string, value: (summary: Summary) => string): ComparisonRow => ({
    ...row(what, value),
    detail: true,
  });
  return [
    { what: "", values: summaries.map((summary) => summary.name) },
    row("rows/s, median", (s) => grouped(s.rowsPerSecond.median)),
    detail("range of rounds", (s) => `${millions(s.rowsPerSecond.least)} to ${millions(s.rowsPerSecond.most)} M`),
    detail("processor share", (s) => `${(100 * s.cpuShare).toFixed(0)} %`),
    row("spills a round", (s) => grouped(s.spills)),
    detail("memory spilled, bytes", (s) => grouped(s.memoryBytesSpilled)),
    detail("to disk, bytes", (s) => grouped(s.diskBytesSpilled)),
    detail("in Spark's format", (s) => grouped(s.sparkDiskBytesSpilled)),
    row("requests a round", (s) => grouped(s.requests)),
    detail("answered short", (s) => grouped(s.shortGrants)),
    row("peak execution memory", (s) => humanBytes(s.peakBytes)),
    row("GC pauses a round", (s) => (s.gc.count / s.rounds).toFixed(1)),
    detail("total a round", (s) => milliseconds(s.gc.totalMs / s.rounds)),
    detail("longest", (s) => (s.gc.count === 0 ? NOTHING : milliseconds(s.gc.longestMs))),
    ...GC_KINDS.filter((kind) => summaries.some((s) => s.gcByKind[kind].count > 0)).map((kind) =>
      detail(`${GC_TITLES[kind]} (longest)`, (s) => ofKind(s, kind)),
    ),
    row("acquire p50", (s) => nanoseconds(s.acquires.p50)),
    detail("p99", (s) => nanoseconds(s.acquires.p99)),
    detail("p99.9", (s) => nanoseconds(s.acquires.p999)),
    detail("longest", (s) => nanoseconds(s.acquires.most)),
    detail("acquires measured", (s) => grouped(s.acquires.count)),
    row("resident peak", (s) => humanBytes(s.residentPeakBytes)),
    detail("before the first sort", (s) => humanBytes(s.residentBaseBytes)),
    row("arena committed", (s) => (s.arena === null ? NOTHING : humanBytes(s.arena.committed))),
    detail("high water", (s) => (s.arena === null ? NOTHING : humanBytes(s.arena.highWater))),
    { what: "rounds that count", values: summaries.map((s) => String(s.rounds)) },
  ];
}

/** Node's kinds of collections, in words. */
export const GC_TITLES: Readonly<Record<GcKind, string>> = {
  minor: "scavenges",
  major: "full collections",
  incremental: "incremental steps",
  weak: "weak callbacks",
};

/** What a missing value looks like. */
export const NOTHING = "–";

/** Lines that say what the figures rest on. */
export function footnotes(study: Study, summaries: readonly Summary[], c: Colours): string[] {
  const { disk } = study;
  const measured = summaries.filter((s) => study.modes.length > 0 && s.rounds + s.vacuous.length > 0);
  const wrong = measured.filter((s) => !s.sameAsReference);
  const megabytes = (bytesPerSecond: number): string => `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;
  return [
    ...(measured.length === 0
      ? []
      : wrong.length === 0
        ? [
            `output    ${c.green("same rows in the same order")} as an in-memory sort, every round (${study.referenceHash})`,
          ]
        : wrong.map((s) => `output    ${c.red(`${s.name} DIFFERS from the in-memory sort`)}`)),
    ...(disk === null
      ? []
      : [
          `spilling  ${measured
            .filter((s) => s.rounds > 0)
            .map((s) => `${s.name} ${megabytes(s.spillBytesPerSecond)}`)
            .join(", ")} in calls to the disk`,
          `disk      ${megabytes(disk.writeBytesPerSecond)} for ${humanBytes(disk.bytes)} written raw, ${megabytes(disk.syncedBytesPerSecond)} with fdatasync`,
        ]),
    ...summaries.flatMap((s) =>
      s.vacuous.map((v) =>
        c.yellow(`vacuous   ${v.rounds} ${v.rounds === 1 ? "round" : "rounds"} of ${s.name} left out: ${v.why}`),
      ),
    ),
    ...cautions(study).map((caution) => c.yellow(`note      ${caution}`)),
  ];
}

function table(rows: readonly ComparisonRow[], c: Colours): string[] {
  const first = Math.max(...rows.map(({ what, detail }) => what.length + (detail ? 2 : 0)));
  const widths = rows[0]!.values.map((_, i) => Math.max(...rows.map(({ values }) => values[i]!.length)));
  return rows.map(({ what, detail, values }, i) => {
    const cells = values.map((value, column) => value.padStart(widths[column]! + 4)).join("");
    const line = `${(detail ? `  ${what}` : what).padEnd(first)}${cells}`;
    return i === 0 || !detail ? c.bold(line) : line;
  });
}

function ofKind(summary: Summary, kind: GcKind): string {
  const { count, longestMs } = summary.gcByKind[kind];
  return count === 0 ? NOTHING : `${count} (${milliseconds(longestMs)})`;
}

/** A whole number with its thousands apart. */
export function grouped(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : NOTHING;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

/** Millions with two decimals. */
export function millions(value: number): string {
  return Number.isFinite(value) ? (value / 1e6).toFixed(2) : NOTHING;
}

/** A duration in the unit that fits it. */
export function nanoseconds(ns: number | null): string {
  if (ns === null) return NOTHING;
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  return milliseconds(ns / 1e6);
}
