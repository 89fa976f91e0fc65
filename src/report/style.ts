// How the page looks: two themes from one set of names, one column on a phone, two on a laptop. Nothing is loaded.

const LIGHT = `
  color-scheme: light;
  --bg: #faf8f5; --card: #ffffff; --ink: #1d1a17; --muted: #6d655c; --line: #e9e3da; --shade: #f3efe8;
  --on: #b4530a; --on-soft: #b4530a24; --off: #0f766e; --off-soft: #0f766e24;
  --store: #6d28d9; --store-soft: #6d28d91f; --spill: #be123c; --spill-soft: #be123c1c; --wait: #a16207; --good: #15803d; --bad: #b91c1c;
`;

const DARK = `
  color-scheme: dark;
  --bg: #131210; --card: #1c1a17; --ink: #f1ece4; --muted: #a69d91; --line: #312d28; --shade: #24211d;
  --on: #f6a13a; --on-soft: #f6a13a2b; --off: #3ad0bd; --off-soft: #3ad0bd2b;
  --store: #b39bfa; --store-soft: #b39bfa2b; --spill: #fb7f95; --spill-soft: #fb7f952b; --wait: #d8b24a; --good: #5fd38a; --bad: #fb8585;
`;

export const STYLE = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root[data-theme="light"] { ${LIGHT} }
:root[data-theme="dark"] { ${DARK} }

* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums;
}
main, header { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding-top: 20px; }
.eyebrow { margin: 0; color: var(--muted); font-size: 13px; letter-spacing: .04em; }
.eyebrow b { color: var(--ink); font-weight: 600; }
h1 { font-size: clamp(26px, 4.2vw, 40px); line-height: 1.15; letter-spacing: -.02em; font-weight: 680; margin: 20px 0 8px; text-wrap: balance; max-width: 22em; }
h2 { font-size: 18px; line-height: 1.3; margin: 0; letter-spacing: -.005em; }
h3 { font-size: 14px; margin: 0; font-weight: 600; }
p { margin: 0; max-width: 75ch; }
h1, p, li { overflow-wrap: anywhere; }
.nowrap { white-space: nowrap; }
.lead { color: var(--muted); font-size: 16px; }
.quiet { color: var(--muted); font-size: 13.5px; }
section { margin-top: 20px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 22px; min-width: 0; }
.card > * + * { margin-top: 10px; }
.card > .pools { margin-top: 22px; }
.pair { display: grid; gap: 20px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.alone { grid-template-columns: minmax(0, 1fr); }
.on { --mode: var(--on); --mode-soft: var(--on-soft); } .off { --mode: var(--off); --mode-soft: var(--off-soft); }
.dot { display: inline-block; width: .72em; height: .72em; border-radius: 3px; background: var(--mode); margin-right: .45em; }

button {
  font: inherit; font-size: 13.5px; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 999px; padding: 6px 14px; cursor: pointer;
}
button:hover { background: var(--shade); }
:focus-visible { outline: 2px solid var(--off); outline-offset: 3px; }

.mode { border-top: 3px solid var(--mode); }
.rate { display: flex; align-items: baseline; flex-wrap: wrap; gap: 0 10px; }
.rate b { font-size: clamp(34px, 5vw, 46px); line-height: 1.1; letter-spacing: -.03em; font-weight: 680; color: var(--mode); }
.strip { display: block; width: 100%; height: 34px; overflow: visible; }
.strip line { stroke: var(--line); stroke-width: 2; stroke-linecap: round; }
.strip circle { fill: var(--mode); fill-opacity: .38; }
.strip rect { fill: var(--mode); }
.ends { max-width: none; display: flex; justify-content: space-between; color: var(--muted); font-size: 12px; margin-top: 0; }
.facts { display: grid; grid-template-columns: repeat(4, minmax(0, auto)); gap: 10px 18px; margin: 14px 0 0; justify-content: space-between; }
.facts dt { color: var(--muted); font-size: 12.5px; }
.facts dd { margin: 0; font-weight: 600; white-space: nowrap; }

.checks { list-style: none; padding: 0; margin: 16px 0 0; display: flex; flex-wrap: wrap; gap: 6px 26px; font-size: 14px; }
.checks li::before { content: "●"; margin-right: .5em; color: var(--muted); }
.checks .good::before { content: "✓"; color: var(--good); font-weight: 700; }
.checks .bad::before { content: "✕"; color: var(--bad); font-weight: 700; }
.checks .bad { color: var(--bad); }

.chart { margin: 12px -6px 0; outline-offset: 0; border-radius: 8px; touch-action: pan-y; }
.chart .u-cursor-x { border-color: var(--muted); }
.chart .u-select { background: var(--shade); opacity: .6; }
output { display: block; color: var(--muted); font-size: 13px; min-height: 1.5em; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--muted); font-size: 13px; padding: 0; margin: 8px 0 0; list-style: none; }
.legend i { display: inline-block; width: 18px; height: 10px; margin-right: 7px; border-radius: 2px; vertical-align: -0.5px; }
.legend .used { background: var(--mode-soft, var(--shade)); border-top: 2px solid var(--mode, var(--muted)); }
.legend .size { height: 0; border-top: 2px dashed var(--mode, var(--muted)); border-radius: 0; vertical-align: 3.5px; }
.legend .store:not(.tick) { background: var(--store-soft); border-bottom: 2px solid var(--store); }
.legend .tick { width: 6px; height: 12px; border: 0; vertical-align: -1px; }
.legend .tick.spill { background: var(--spill); } .legend .tick.store { background: var(--store); } .legend .wait { background: var(--wait); }
.legend .spill:not(.tick) { background: var(--spill-soft); border-top: 3px solid var(--spill); }

output.two { min-height: 3em; } output.three { min-height: 4.5em; margin-top: 10px; }
.zoom { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; }
.zoom button { min-width: 38px; padding: 4px 10px; line-height: 1.4; }
.zoom .rows { color: var(--muted); font-size: 13px; margin-left: 8px; }
#matrix td { background: color-mix(in srgb, var(--spill) var(--share, 0%), transparent); padding-right: 10px; }
#matrix td span { display: block; font-size: 12.5px; } #matrix td span::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 2px; margin-right: 6px; background: var(--kind); }
#matrix .spill { --kind: var(--spill); } #matrix .store { --kind: var(--store); } #matrix .wait { --kind: var(--wait); }
.card > .chain { margin-top: 16px; } .chain details { margin-top: 4px; font-size: 14px; } .chain summary { font-weight: 400; color: var(--muted); }
.chain ol { margin: 4px 0 0; padding-left: 22px; color: var(--muted); } code { font-size: 13px; overflow-wrap: anywhere; }
a { color: var(--off); }
.choices { display: flex; flex-wrap: wrap; gap: 8px 18px; font-size: 13.5px; color: var(--muted); }
select { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 4px 8px; margin-left: 6px; }
.forest { display: grid; gap: 18px; margin: 12px 0; }
.figure { display: grid; gap: 3px; }
.policy { display: grid; grid-template-columns: 110px minmax(120px, 1fr) 240px 230px; gap: 14px; align-items: center; font-size: 13.5px; }
.policy .name { overflow-wrap: anywhere; } .policy .said { color: var(--muted); } .policy .said b { color: var(--ink); }
.range { display: block; width: 100%; height: 18px; overflow: visible; }
.range line { stroke: var(--line); stroke-width: 2; } .range .interval { stroke: var(--mode); stroke-width: 4; stroke-opacity: .5; stroke-linecap: round; } .range circle { fill: var(--mode); }
.tallies { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 22px 44px; } .tallied { grid-template-columns: 122px minmax(60px, 1fr) 150px; } .tallied .range rect { fill: var(--mode); fill-opacity: .65; }
.partings { padding-left: 20px; font-size: 14px; overflow-wrap: anywhere; }
.ratio { display: block; width: 180px; height: 16px; } .ratio line { stroke: var(--line); stroke-width: 1; } .ratio .even { stroke: var(--muted); }
.ratio rect, .ratio circle { fill: var(--mode, var(--muted)); } .ratio rect { fill-opacity: .4; }
.verdicts dt { color: var(--muted); font-size: 13.5px; margin-top: 12px; } .verdicts dd { margin: 0; }

.scroll { overflow-x: auto; margin-inline: -22px; padding-inline: 22px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; color: var(--muted); font-size: 13.5px; padding-bottom: 8px; }
th, td { padding: 6px 0 6px 18px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); font-weight: 400; }
th:first-child { text-align: left; padding-left: 0; }
thead th { border-top: 0; font-weight: 600; color: var(--muted); }
tbody .whole th, tbody .whole td { font-weight: 600; }
tbody .detail th { padding-left: 18px; color: var(--muted); }
tbody .detail th, tbody .detail td { border-top-color: transparent; padding-top: 1px; }
.wrap { white-space: normal; overflow-wrap: anywhere; }

.region { display: flex; height: 46px; border-radius: 8px; overflow: hidden; border: 1px solid var(--line); font-size: 12.5px; }
.region > div { display: flex; align-items: center; justify-content: center; min-width: 0; overflow: hidden; white-space: nowrap; padding: 0 6px; }
.region .execution { background: var(--mode-soft); color: var(--mode); font-weight: 600; }
.region .storage { background: var(--store-soft); color: var(--store); font-weight: 600; border-left: 2px dashed var(--mode); }
.scale { position: relative; height: 18px; font-size: 12px; color: var(--muted); margin-top: 4px; }
.bar { height: 12px; border-radius: 6px; background: repeating-linear-gradient(90deg, var(--muted) 0 6px, transparent 6px 9px); opacity: .5; }
.fit { height: 12px; border-radius: 6px; background: var(--mode); }

details summary { cursor: pointer; font-weight: 600; }
details[open] summary { margin-bottom: 8px; }
footer { max-width: 1120px; margin: 28px auto 0; padding: 0 24px 40px; color: var(--muted); font-size: 13px; }

@media (max-width: 760px) {
  main, header, footer { padding-inline: 14px; }
  .pair { grid-template-columns: minmax(0, 1fr); gap: 14px; }
  section { margin-top: 14px; }
  .card { padding: 16px; border-radius: 12px; }
  .scroll { margin-inline: -16px; padding-inline: 16px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .facts dd { white-space: normal; }
  .tallies { grid-template-columns: minmax(0, 1fr); }
  .policy { grid-template-columns: minmax(0, 1fr) auto; gap: 2px 10px; margin-bottom: 8px; } .policy .range { grid-column: 1 / -1; grid-row: 2; } .policy .said { grid-column: 1 / -1; }
  th, td { padding-left: 12px; font-size: 13px; }
  tbody th { white-space: normal; }
}
@media (prefers-reduced-motion: no-preference) { button, .card { transition: background-color .15s, border-color .15s; } }
@media print { #theme, #save { display: none; } .card { break-inside: avoid; } }
`;
