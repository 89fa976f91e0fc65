// The page of a policy comparison: what may be said, every figure with its interval, curves over what was swept, and tables.

import { humanBytes } from "../../human.js";
import { type Compared, LEVEL, type PointReport } from "../../sim/compare.js";
import type { Point } from "../../sim/experiment.js";
import { type Figure, figuresOf, figureText, intervalText } from "../../sim/figures.js";
import { html, type Html } from "../html.js";
import { sheet } from "../sheet.js";
import { table } from "../table.js";
import { type Comparison, inkOf, policiesData } from "./data.js";

/** Places of a grid that are drawn and told; the raw file holds the rest. */
const MOST_PLACES = 24;

/** The page of a comparison. `raw`: the file beside it that holds every run. */
export function policiesPage(comparison: Comparison, raw: string): string {
  return sheet({
    kind: "simulation",
    title: verdict(comparison),
    sections: [overview(comparison), curves(comparison), places(comparison), figures(comparison, raw)],
    data: policiesData(comparison),
    script: "policies",
  });
}

/** What may be said of the makespan, in a line. */
export function verdict({ workload, policies, points }: Comparison): string {
  const [against, ...others] = policies as [string, ...string[]];
  if (others.length === 0) return `${workload} under ${against}.`;
  const found = points.flatMap(({ differences }) => differences.filter(({ metric }) => metric === "makespanUs"));
  const clear = found.filter(({ significant }) => significant);
  if (clear.length === 0 && !points.every(({ enoughSeeds }) => enoughSeeds))
    return `Too few seeds to tell whether any policy is faster or slower than ${against} on ${workload}.`;
  if (clear.length === 0) return `No policy is significantly faster or slower than ${against} on ${workload}.`;
  if (points.length > 1)
    return `The makespan of ${workload} differs significantly from ${against}'s in ${clear.length} of ${found.length} comparisons.`;
  const words = clear.map(({ policy, mean }) => {
    const of = points[0]!.policies[0]!.metrics.makespanUs.mean;
    return `${policy} takes ${Math.abs((mean / of) * 100).toFixed(1)} % ${mean > 0 ? "longer" : "less time"}`;
  });
  return `${words.join(", ")} than ${against} on ${workload}.`.replace(/^./, (letter) => letter.toUpperCase());
}

function overview(comparison: Comparison): Html {
  const { workload, executors, cores, allocation, eviction, seed, seeds, runs, interrupted, conf, points } = comparison;
  const swept = comparison.sweeps.map(({ key }) => key);
  const memory = swept.includes("memory") ? "" : `, ${conf["spark.executor.memory"] ?? ""}`;
  const enough = points.every((point) => point.enoughSeeds);
  return html`<h1>${verdict(comparison)}</h1>
    <p class="lead">
      <b>${workload}</b> in virtual time on ${allocation === "dynamic" ? "at most " : ""}${executors}
      ${executors === 1 ? "executor" : "executors"} of ${swept.includes("cores") ? "" : `${cores} `}cores${memory},
      eviction ${eviction}, the same ${seeds} seeds (${seed} to ${seed + seeds - 1}) for every policy.
    </p>
    <ul class="checks">
      <li class="${interrupted ? "bad" : "good"}">
        ${interrupted ? `interrupted: ${runs.done} of ${runs.all} runs are complete and shown` : `all ${runs.all} runs are complete`}
      </li>
      ${
        comparison.policies.length === 1
          ? null
          : html`<li class="${enough ? "good" : "bad"}">
              ${enough ? "enough seeds to show a difference" : "too few seeds to show any difference after the correction"}
            </li>`
      }
    </ul>`;
}

/** A place of the grid in words; nothing where nothing was swept. */
export function placeText(at: Point): string {
  return Object.entries(at)
    .map(([key, value]) => `${key} ${key === "memory" ? humanBytes(value) : value}`)
    .join(", ");
}

function curves({ workload, sweeps, policies }: Comparison): Html | null {
  const [first, ...rest] = sweeps;
  if (first === undefined || first.values.length < 2) return null;
  return html`<section class="card" aria-labelledby="curves-title">
    <h2 id="curves-title">Over ${first.key}</h2>
    <p class="quiet">Means over seeds with their 95 % bootstrap intervals.</p>
    <div class="choices">
      <label>
        what
        <select id="figure">
          ${figuresOf(workload).map(({ title }, i) => html`<option value="${i}">${title}</option>`)}
        </select>
      </label>
      ${rest.map(
        ({ key, values }) =>
          html`<label>
            ${key}
            <select data-key="${key}">
              ${values.map((value) => html`<option value="${value}">${placeText({ [key]: value }).slice(key.length + 1)}</option>`)}
            </select>
          </label>`,
      )}
    </div>
    <output class="two">Move over it, or focus it and use the arrow keys.</output>
    <div
      class="chart"
      id="curves"
      tabindex="0"
      role="img"
      aria-label="${policies.join(", ")} over ${first.key}; the tables below hold the figures"
    ></div>
    ${policyLegend(policies)}
  </section>`;
}

function policyLegend(policies: readonly string[]): Html {
  return html`<ul class="legend">
    ${policies.map((policy, i) => html`<li style="--mode:var(--${inkOf(i)})"><span class="dot"></span>${policy}</li>`)}
  </ul>`;
}

function places({ workload, points, policies }: Comparison): Html {
  const shown = points.slice(0, MOST_PLACES);
  const [only] = shown;
  return html`<section class="card" aria-labelledby="places">
    <h2 id="places">Policies side by side</h2>
    <p class="quiet">
      A dot is the mean over seeds, its line the 95 % bootstrap interval, on a scale of its own for each figure. Others
      are compared with ${policies[0]!} on the same seeds: sign-flip test, Holm's correction, level ${LEVEL}.
    </p>
    ${
      shown.length === 1
        ? forest(only!, figuresOf(workload))
        : shown.map(
            (point, i) =>
              html`<details ${i === 0 ? html`open` : null}>
                <summary>${placeText(point.at)}</summary>
                ${forest(point, figuresOf(workload))}
              </details>`,
          )
    }
    ${points.length > shown.length ? html`<p class="quiet">${points.length - shown.length} more places are in the raw file.</p>` : null}
  </section>`;
}

/** Every figure that differs at all: a line for each policy. */
function forest({ policies, differences, seeds }: PointReport, all: readonly Figure[]): Html {
  const alike = all.filter(({ metric }) => {
    const [first] = policies;
    return policies.every(
      ({ metrics: { [metric]: of } }) => of.low === of.high && of.mean === first!.metrics[metric].mean,
    );
  });
  const drawn = all.filter((figure) => !alike.includes(figure));
  return html`<p class="quiet">${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}.</p>
    <div class="forest">
      ${drawn.map((figure) => {
        const ranges = policies.map(({ metrics }) => metrics[figure.metric]);
        const least = Math.min(...ranges.map(({ low }) => low));
        const most = Math.max(...ranges.map(({ high }) => high));
        const x = (value: number): string =>
          `${(most === least ? 50 : 2 + ((value - least) / (most - least)) * 96).toFixed(2)}%`;
        return html`<div class="figure">
          <h3>${figure.title}</h3>
          ${policies.map(({ policy }, i) => {
            const { mean, low, high } = ranges[i]!;
            return html`<div class="policy" style="--mode:var(--${inkOf(i)})">
              <span class="name"><span class="dot"></span>${policy}</span>
              <svg class="range" role="img" aria-label="${policy}: ${intervalText(figure, ranges[i]!)}">
                <line x1="0" x2="100%" y1="9" y2="9" />
                <line class="interval" x1="${x(low)}" x2="${x(high)}" y1="9" y2="9" />
                <circle cx="${x(mean)}" cy="9" r="5"><title>${intervalText(figure, ranges[i]!)}</title></circle>
              </svg>
              <span class="value">${intervalText(figure, ranges[i]!)}</span>
              ${differenceText(
                figure,
                differences.find((each) => each.policy === policy && each.metric === figure.metric),
              )}
            </div>`;
          })}
        </div>`;
      })}
    </div>
    ${
      alike.length === 0
        ? null
        : html`<p class="quiet">
            The same under every policy and seed:
            ${alike.map((figure) => `${figure.title} ${figureText(figure, policies[0]!.metrics[figure.metric].mean)}`).join(", ")}.
          </p>`
    }`;
}

function differenceText(figure: Figure, difference: Compared | undefined): Html {
  if (difference === undefined) return html`<span class="said"></span>`;
  const { mean, low, high, pCorrected, significant, alike } = difference;
  if (alike) return html`<span class="said">the same on every seed</span>`;
  if (!significant) return html`<span class="said">not significant</span>`;
  const sign = (value: number): string => `${value < 0 ? "−" : "+"}${figureText(figure, Math.abs(value))}`;
  return html`<span class="said" title="p ${pCorrected.toPrecision(2)} after the correction"
    ><b>${sign(mean)}</b> [${sign(low)}, ${sign(high)}]</span
  >`;
}

function figures(comparison: Comparison, raw: string): Html {
  const { points, policies, runs } = comparison;
  const all = figuresOf(comparison.workload);
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw numbers</h2>
    ${points
      .slice(0, MOST_PLACES)
      .map((point, i) =>
        table(`place-${i}`, placeText(point.at) || "All figures", ["", ...policies], all, (figure) => [
          figure.title,
          ...point.policies.map(({ metrics }) => intervalText(figure, metrics[figure.metric])),
        ]),
      )}
    ${table(
      "differences",
      `Differences from ${policies[0]!}`,
      ["policy", "figure", "at", "difference", "95 % interval", "p", "p corrected", ""],
      points.flatMap(({ at, differences }) => differences.map((each) => ({ ...each, at }))),
      (each) => {
        const figure = all.find(({ metric }) => metric === each.metric)!;
        return [
          each.policy,
          figure.title,
          placeText(each.at),
          figureText(figure, each.mean),
          `${figureText(figure, each.low)} to ${figureText(figure, each.high)}`,
          each.p.toPrecision(2),
          each.pCorrected.toPrecision(2),
          each.alike ? "the same" : each.significant ? "significant" : "not significant",
        ];
      },
    )}
    <p class="quiet">
      Each of the ${runs.done} runs with all that was counted is in <a href="${encodeURIComponent(raw)}">${raw}</a>,
      beside this page.
    </p>
    <p>
      <button type="button" id="save" data-saves="data" data-as="${raw.replace(/\.json$/, "")}-drawn.json">
        Save what is drawn as JSON
      </button>
    </p>
  </section>`;
}
