// `layout`: what a configuration makes of an executor's memory, drawn to scale and in exact bytes, and what in it is
// probably not meant. A configuration that real Spark refuses is refused here, with the same condition.

import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";
import { MIB } from "../config/bytes.js";
import {
  CLUSTERS,
  containerLayout,
  standaloneHeapMiB,
  type Cluster,
  type ContainerLayout,
} from "../config/container.js";
import { checkKeys, ConfigError, readConf, type Conf } from "../config/keys.js";
import { COLLECTORS, memoryLayout, validateAtStart, type Collector, type MemoryLayout } from "../config/layout.js";
import { keyNotices, layoutNotices, type Notice } from "../config/notices.js";
import { DEFAULT_GENERATION, GENERATIONS, type Generation } from "../config/release.js";
import { humanBytes } from "../human.js";
import { modeName } from "../memory/mode.js";
import { drawRegions, type Region } from "./drawing.js";
import { exitWith, print, printError, printJson } from "./output.js";

type Settings = Readonly<Record<string, string>>;

const EXAMPLES = `
Examples:
  tungsten-memory layout --conf spark.executor.memory=8g --cores 4
  tungsten-memory layout --conf spark.memory.offHeap.enabled=true --conf spark.memory.offHeap.size=2g --cluster k8s
  tungsten-memory layout --conf spark.executor.memory=8g --generation 2.4 --json

Exit code: 0 laid out, 1 Spark refuses the configuration, 2 wrong usage.`;

/** Whose memory is laid out. */
export interface LayoutRequest {
  readonly conf: Settings;
  readonly generation: Generation;
  readonly cluster: Cluster;
  readonly collector: Collector;
  /** A Python application. */
  readonly python: boolean;
  /** Cores of the executor; null: what `spark.executor.cores` says. */
  readonly cores: number | null;
}

/** Everything that is known about an executor's memory. */
export interface ExplainedLayout {
  readonly memory: MemoryLayout;
  /** Null where the cluster has none. */
  readonly container: ContainerLayout | null;
  readonly cores: number;
  readonly notices: readonly Notice[];
}

/**
 * Lays out an executor. Throws ConfigError for what Spark refuses: first what creating the memory manager refuses, then
 * the checks of a session's start, then the container, then every other key.
 */
export function explainLayout(request: LayoutRequest): ExplainedLayout {
  const { cluster, collector, python } = request;
  const conf = readConf(request.conf, request.generation);
  const cores = request.cores ?? conf.get("spark.executor.cores");
  const processors = availableParallelism();
  const standalone = cluster === "standalone" && !conf.has("spark.testing.memory");
  const heap = standalone ? { heapBytes: standaloneHeapMiB(conf) * MIB } : {};
  const memory = memoryLayout(conf, { cores, processors, collector, ...heap });
  validateAtStart(conf);
  const container = cluster === "standalone" ? null : containerLayout(conf, { cluster, python });
  checkKeys(conf);
  const notices = [...keyNotices(conf), ...layoutNotices(conf, memory, { cluster, python, container })];
  return { memory, container, cores: cores > 0 ? cores : processors, notices };
}

/** The command `layout`. */
export function layoutCommand(): Command {
  return new Command("layout")
    .description("show how a Spark configuration divides an executor's memory")
    .option("--conf <key=value>", "a Spark setting; may be repeated", addSetting)
    .option(
      "--cores <n>",
      "cores of the executor; 0: all of this machine (default: spark.executor.cores, else 1)",
      parseCores,
    )
    .option("--python", "a Python application", false)
    .addOption(
      new Option("--generation <version>", "rules of which Spark").choices(GENERATIONS).default(DEFAULT_GENERATION),
    )
    .addOption(new Option("--collector <name>", "garbage collector").choices(COLLECTORS).default("G1"))
    .addOption(new Option("--cluster <kind>", "who starts the executor").choices(CLUSTERS).default("yarn"))
    .option("--json", "one JSON object on standard output", false)
    .addHelpText("after", EXAMPLES)
    .action((options: Omit<LayoutRequest, "conf" | "cores"> & { conf?: Settings; cores?: number; json: boolean }) => {
      const request: LayoutRequest = { ...options, conf: options.conf ?? {}, cores: options.cores ?? null };
      try {
        const explained = explainLayout(request);
        if (options.json) printJson(layoutJson(explained));
        else print(layoutText(request, explained));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const { condition, key, value, message } = error;
        if (options.json) printJson({ error: { condition, key, value, message } });
        else {
          printError(`refused${condition === null ? "" : ` (${condition})`}: ${message}`);
          for (const notice of keyNoticesOf(request)) printError(noticeLine(notice));
        }
        exitWith(1);
      }
    });
}

/** The layout as the JSON object of `--json`. Bytes and MiB are 64-bit integers. */
export function layoutJson({ memory, container, notices }: ExplainedLayout): object {
  const { heap, reserved, user, onHeap, offHeap, pageBytes } = memory;
  return {
    heap,
    reserved,
    user,
    unified: onHeap.total,
    onHeap: { execution: onHeap.execution, storage: onHeap.storage },
    offHeap: { execution: offHeap.execution, storage: offHeap.storage },
    pageSize: pageBytes,
    container,
    notices,
  };
}

const COLUMNS = 80;

/** The layout for people: a drawing, a table of exact bytes, and the notices. */
export function layoutText(
  request: LayoutRequest,
  explained: ExplainedLayout,
  colour = pc.isColorSupported && (process.stdout.isTTY ?? false),
): string {
  const { memory, container, cores, notices } = explained;
  const c = pc.createColors(colour);
  const head = `Executor of Spark ${request.generation} on ${request.cluster}, ${cores} ${cores === 1 ? "core" : "cores"}, collector ${request.collector}${request.python ? ", Python" : ""}`;
  const regions = regionsOf(memory, container, c);
  const page = `page size ${memory.pageBytes} bytes (${humanBytes(Number(memory.pageBytes))}), page-based execution ${modeName(memory.tungstenMode) === "onHeap" ? "on-heap" : "off-heap"}`;
  return [
    c.bold(head),
    "",
    ...drawRegions(regions, COLUMNS),
    "",
    ...tableOf(regions, 0),
    "",
    page,
    ...(memory.maxUnroll === null
      ? []
      : [`unrolling at most ${memory.maxUnroll} bytes (${humanBytes(Number(memory.maxUnroll))})`]),
    ...(notices.length === 0 ? [] : ["", ...notices.map((notice) => c.yellow(noticeLine(notice)))]),
  ].join("\n");
}

function regionsOf(
  memory: MemoryLayout,
  container: ContainerLayout | null,
  c: ReturnType<typeof pc.createColors>,
): Region[] {
  const pools = (mode: MemoryLayout["onHeap"]): Region[] => [
    { name: "storage", bytes: mode.storage, paint: c.green },
    { name: "execution", bytes: mode.execution, paint: c.cyan },
  ];
  const shared: Region[] =
    memory.manager === "static"
      ? pools(memory.onHeap)
      : [{ name: "unified", bytes: memory.onHeap.total, parts: pools(memory.onHeap), paint: c.bold }];
  const heap: Region = {
    name: "heap",
    bytes: memory.heap,
    paint: c.bold,
    parts: [
      { name: "reserved", bytes: memory.reserved, paint: c.dim },
      { name: "user", bytes: memory.user, paint: c.dim },
      ...shared,
    ],
  };
  const offHeap: Region = {
    name: "off-heap",
    bytes: memory.offHeap.total,
    parts: pools(memory.offHeap),
    paint: c.bold,
  };
  if (container === null) return [heap, offHeap];
  const inside: Region[] = [
    heap,
    ...(container.offHeapMiB > 0n ? [offHeap] : []),
    { name: "overhead", bytes: container.overheadMiB * MIB, paint: c.magenta },
    { name: "pyspark", bytes: container.pysparkMiB * MIB, paint: c.yellow },
  ];
  const whole: Region = { name: "container", bytes: container.totalMiB * MIB, parts: inside, paint: c.bold };
  return container.offHeapMiB > 0n ? [whole] : [whole, { ...offHeap, name: "off-heap, not in the container" }];
}

function tableOf(regions: readonly Region[], depth: number): string[] {
  return regions
    .filter(({ bytes }) => bytes > 0n)
    .flatMap(({ name, bytes, parts }) => [
      `${`${"  ".repeat(depth)}${name}`.padEnd(36)}${String(bytes).padStart(22)} bytes${humanBytes(Number(bytes)).padStart(14)}`,
      ...tableOf(parts ?? [], depth + 1),
    ]);
}

/** A notice in lines of at most 80 characters. */
/** A notice for people, in lines of 80. */
export function noticeLine({ code, message }: Notice): string {
  const lines = [`notice ${code}:`];
  for (const word of message.split(" ")) {
    const last = lines.at(-1)!;
    if (last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join("\n");
}

/** Notices on the keys of a refused configuration, as far as they can still be told. */
function keyNoticesOf(request: LayoutRequest): Notice[] {
  const conf: Conf = readConf(request.conf, request.generation);
  try {
    return keyNotices(conf);
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

function addSetting(text: string, settings: Settings = {}): Settings {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("write it as key=value.");
  return { ...settings, [text.slice(0, at)]: text.slice(at + 1) };
}

function parseCores(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("write a whole number from 0.");
  return Number(text);
}
