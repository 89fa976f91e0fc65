// The script of a policy comparison's page: one figure of every policy over what was swept, with its interval as a band.

import type { PoliciesData } from "../policies/data.js";
import type uPlotClass from "uplot";
import { colour, pageData } from "./page.js";
import { axis, bytes, frame, POWERS_OF_TWO, type Series, show } from "./plots.js";

const data = pageData<PoliciesData>();
const INKS = ["on", "off", "store", "spill", "wait", "good", "ink", "muted"];

const TELL = {
  us: (value: number) => `${Number((value / 1e6).toPrecision(4))} s`,
  bytes,
  count: (value: number) => String(Number(value.toFixed(1))),
  index: (value: number) => value.toFixed(3),
};

function showCurves(): void {
  const at = frame("curves");
  const sweep = data.sweeps[0];
  if (at === null || sweep === undefined) return;
  const chosen = document.getElementById("figure") as HTMLSelectElement;
  const others = [...document.querySelectorAll<HTMLSelectElement>("select[data-key]")];
  const figure = () => data.figures[Number(chosen.value)]!;
  const place = (value: number): string => (sweep.key === "memory" ? bytes(value) : String(value));
  /** Of each policy its mean, low and high at the chosen places; null where a place is not complete. */
  const columns = (): (number | null)[][] => {
    const here = sweep.values.map((value) =>
      data.points.find(
        ({ at: is }) =>
          is[sweep.key] === value && others.every((other) => is[other.dataset["key"]!] === Number(other.value)),
      ),
    );
    const of = (policy: number, part: number) =>
      here.map((each) => each?.ranges[Number(chosen.value)]![policy]![part] ?? null);
    return [[...sweep.values], ...data.policies.flatMap((_, policy) => [0, 1, 2].map((part) => of(policy, part)))];
  };
  const ink = (policy: number): string => INKS[policy % INKS.length]!;
  const [first, last] = [sweep.values[0]!, sweep.values.at(-1)!];
  const margin = Math.abs(last - first) * 0.03;
  const plot = show(
    at,
    300,
    {
      padding: [8, 30, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: (_, i) => (i % 3 === 1 ? 8 : 0) } },
      scales: {
        x: { time: false, range: [Math.min(first, last) - margin, Math.max(first, last) + margin] },
        y: {
          range: () => {
            const all = plotted
              .slice(1)
              .flat()
              .filter((value) => value !== null);
            const most = Math.max(...all, figure().unit === "index" ? 1e-3 : 1);
            return [0, most * 1.08];
          },
        },
      },
      axes: [
        axis({
          values: (_, ticks) => ticks.map(place),
          splits: () => spread(sweep.values),
          filter: (_, ticks) => ticks,
        }),
        axis({
          values: (_, ticks) => ticks.map(TELL[figure().unit]),
          incrs: () => (figure().unit === "bytes" ? POWERS_OF_TWO : TENS),
          size: 78,
        } as uPlotClass.Axis),
      ],
      series: [
        {},
        ...data.policies.flatMap((_, policy): Series[] => [
          {
            stroke: () => colour(ink(policy)),
            width: 2,
            points: { show: true, size: 6, fill: () => colour(ink(policy)) },
          },
          { width: 0, points: { show: false } },
          { width: 0, points: { show: false } },
        ]),
      ],
      bands: data.policies.map((_, policy) => ({
        series: [3 * policy + 3, 3 * policy + 2],
        fill: () => faint(colour(ink(policy))),
      })),
      hooks: {
        setCursor: [
          (drawn) => {
            const i = drawn.cursor.idx;
            if (i === null || i === undefined || (drawn.cursor.left ?? -1) < 0) return at.tell("");
            const tell = TELL[figure().unit];
            const told = data.policies.map((policy, p) => {
              const [mean, low, high] = [1, 2, 3].map((part) => plotted[3 * p + part]![i]);
              if (mean === null || mean === undefined) return `${policy} not run`;
              return low === high
                ? `${policy} ${tell(mean)}`
                : `${policy} ${tell(mean)} [${tell(low!)}, ${tell(high!)}]`;
            });
            at.tell(`${sweep.key} ${place(sweep.values[i]!)} · ${figure().title}: ${told.join(" · ")}`);
          },
        ],
      },
    },
    (plotted = columns()),
  );
  for (const select of [chosen, ...others])
    select.addEventListener("change", () => {
      plotted = columns();
      plot.setData(plotted as uPlotClass.AlignedData);
    });
}

let plotted: (number | null)[][] = [];

const TENS = Array.from({ length: 60 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** (Math.floor(i / 3) - 4));

/** At most eight of them, evenly. */
function spread(values: readonly number[]): number[] {
  const each = Math.ceil(values.length / 8);
  return values.filter((_, i) => i % each === 0);
}

/** A colour of the theme, hardly there. */
function faint(full: string): string {
  return `${full}2b`;
}

showCurves();
