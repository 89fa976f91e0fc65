// `npm run -s bench -- [NAME ...]`: runs benches, each in a process of its own so that none spoils another's compiled code, and
// prints what they found. This file parses, prints and writes; harness.ts measures.

import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { BENCHES } from "./benches.js";
import { MAX_FOREIGN_CORES, type Outcome, runCase, type Scale, type Settings } from "./harness.js";
import { cpuTimes } from "./load.js";
import { describeMachine, machine } from "./machine.js";
import { results, section } from "./results.js";
import { repository } from "./spark.js";
import { textTable } from "./table.js";

const HELP = `usage: bench [NAME ...] [options]
  NAME              ${Object.keys(BENCHES).join(", ")}; all when none is named
  --only TEXT       only cases whose name holds TEXT
  --json            one JSON object a line instead of tables
  --quick           a first answer in under 20 s: shorter rounds, smaller inputs, no peer is set up, cases left out
  --tiny            the sizes that the tests use; figures mean nothing
  --seed N          seed of the generated rows (42)
  --rounds N        rounds to keep per contender (7; quick 3)
  --spark LIST      versions of Spark beside us, of 4.1.1 and 3.5.7 (4.1.1); "none" leaves it out
  --no-peers        only ourselves
  --traces DIR      allocation traces for arena (environment: ALLOC_TRACES; else those of the tests)
  --results FILE    also write the tables as Markdown; benches that do not run keep theirs
`;

const options = {
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  tiny: { type: "boolean", default: false },
  seed: { type: "string", default: "42" },
  rounds: { type: "string" },
  spark: { type: "string", default: "4.1.1" },
  "no-peers": { type: "boolean", default: false },
  only: { type: "string", default: "" },
  traces: { type: "string" },
  results: { type: "string" },
  case: { type: "string" }, // of the process that measures
  help: { type: "boolean", default: false },
} as const;

type Message = { outcome: Outcome } | { note: string };

const DISTURBED = `others took more than ${MAX_FOREIGN_CORES} cores in too many rounds: the least disturbed were kept, see load`;

/** When its share of this is over, a bench of a quick run starts no further case, and its first one without peers. */
const QUICK_MS = 16_000;

const thisFile = fileURLToPath(import.meta.url);
const parsed = parse();
if (process.send === undefined) await report();
else await measure();

interface Call {
  readonly names: string[];
  readonly values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];
}

function parse(): Call {
  try {
    const { positionals, values } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const unknown = positionals.find((name) => BENCHES[name] === undefined);
    if (unknown !== undefined) throw new Error(`there is no bench named ${unknown}`);
    if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed takes a whole number below 10^9, not ${values.seed}`);
    if (values.rounds !== undefined && !/^[1-9]\d{0,2}$/.test(values.rounds))
      throw new Error(`--rounds takes 1 to 999`);
    return { names: positionals.length > 0 ? positionals : Object.keys(BENCHES), values };
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n${HELP}`);
    process.exit(2);
  }
}

/** In the process that measures: one case, its outcomes sent to the parent. */
async function measure(): Promise<void> {
  const [name] = parsed.names as [string];
  const here = settings((note) => send({ note }));
  const c = (await BENCHES[name]!()).cases(here)[Number(parsed.values.case)]!;
  for (const outcome of await runCase(name, c, here)) send({ outcome });
  process.disconnect();
}

function send(message: Message): void {
  process.send!(message);
}

function settings(note: (text: string) => void): Settings {
  const { values } = parsed;
  const scale: Scale = values.tiny ? "tiny" : values.quick ? "quick" : "real";
  const rounds = values.rounds === undefined ? { tiny: 2, quick: 3, real: 7 }[scale] : Number(values.rounds);
  const peers = !values["no-peers"];
  return {
    scale,
    seed: Number(values.seed),
    rounds,
    maxRounds: { tiny: rounds, quick: rounds, real: rounds * 4 }[scale],
    roundMs: { tiny: 2, quick: 60, real: 300 }[scale],
    warmMs: { tiny: 0, quick: 200, real: 1000 }[scale],
    peerWarmMs: { tiny: 0, quick: 300, real: 5000 }[scale],
    sparks: peers && values.spark !== "none" ? values.spark.split(",") : [],
    npmPeers: peers,
    traces: values.traces ?? process.env["ALLOC_TRACES"] ?? join(repository(), "test", "golden", "alloc"),
    install: scale === "real",
    cpuTimes,
    note,
  };
}

/** In the process that was called: starts one process a case and prints what it sends. */
async function report(): Promise<void> {
  const { names, values } = parsed;
  const head = `${describeMachine(machine())}, seed ${values.seed}`;
  const say = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`);
  const sections = new Map<string, string>();
  say(head);
  for (const [place, name] of names.entries()) {
    const bench = await BENCHES[name]!();
    const all = bench.cases(settings(() => {}));
    const cases = [...all.entries()].filter(([, c]) => c.name.includes(values.only));
    const table = textTable(all.flatMap((c) => [c, ...(c.also ?? [])]).map(({ name: figure }) => figure));
    const outcomes: Outcome[] = [];
    const notes = new Set<string>();
    const note = (text: string): void => {
      if (!notes.has(text)) say(`    ${text}`);
      notes.add(text);
    };
    const tell = (outcome: Outcome): void => {
      outcomes.push(outcome);
      say(table.line(outcome));
      if (outcome.disturbed) note(DISTURBED);
      if (values.json) process.stdout.write(`${JSON.stringify(outcome.row)}\n`);
    };
    say(`\n${name}: ${bench.about}\n\n${table.head}`);
    let done = 0;
    for (const [index, c] of cases) {
      const late = values.quick && performance.now() > (QUICK_MS * (place + 1)) / names.length;
      if (late && done > 0) break;
      if (late) note("peers were left out, for a quick answer");
      done += 1;
      const failure = await runApart(name, index, late, (message) =>
        "note" in message ? note(message.note) : tell(message.outcome),
      );
      if (failure === null) continue;
      note(`${c.name}: ${failure}`);
      process.exitCode = 1;
    }
    if (done < cases.length) note(`${cases.length - done} more cases were left out, for a quick answer`);
    else if (bench.conclude && cases.length === all.length) [bench.conclude(outcomes)].flat().forEach(tell);
    const args = process.argv.slice(2).map((arg) => (isAbsolute(arg) ? basename(arg) : arg));
    const command = `npm run -s bench -- ${args.join(" ")}`.trimEnd();
    sections.set(name, section(bench, command, head, outcomes, [...notes]));
  }
  if (values.results === undefined) return;
  const file = resolve(repository(), values.results);
  const old = existsSync(file) ? readFileSync(file, "utf8") : "";
  writeFileSync(file, results(old, sections, Object.keys(BENCHES)));
}

/** Runs one case in a process of its own; null, or how it went wrong. */
async function runApart(
  name: string,
  index: number,
  alone: boolean,
  tell: (message: Message) => void,
): Promise<string | null> {
  const flags = process.argv.slice(2).filter((arg) => !parsed.names.includes(arg));
  if (alone) flags.push("--no-peers");
  const child = fork(thisFile, [name, "--case", String(index), ...flags], {
    execArgv: [...process.execArgv, "--expose-gc"],
  });
  child.on("message", tell);
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return status === 0 ? null : `failed, ${signal === null ? `status ${status}` : `killed by ${signal}`}`;
}
