// Builds what tests run under a scheduler of their own: `node scripts/scheduled.mjs VARIANT...` makes a folder VARIANT each, the
// compiled worker of test/proof with all that it imports, and prints where they stand: in build/scheduled, under a word for all
// that they are made of, so that a folder that is in use never changes. In the variant `sound` the module is the shipped source with a
// call of the scheduler before every atomic operation; in `plain` it is the shipped module; every other variant is `sound`
// with one fault of scripts/faults.mjs. Nothing here is shipped.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "node:child_process";
import { FAULTS } from "./faults.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const all = join(root, "build/scheduled");
const scratch = join(root, "build", `scratch-${process.pid}`);
const require = createRequire(import.meta.url);

/** Files whose plain stores are places to die at, too. */
const MORTAL = ["accounts", "arena", "crew", "repair"].map((name) => `assembly/${name}.ts`);

/** What is built: all that the module exports but its kernels. */
const ENTRY = "assembly/index.ts";

/** Stands beside the other files of assembly/ in these builds only. */
const SCHEDULED = `
@external("scheduler", "step") declare function step(at: usize): void;
@external("scheduler", "change") declare function change(at: usize): void;
@external("scheduler", "sleep") declare function sleep(at: usize, expected: u32, nanoseconds: f64): i32;
@external("scheduler", "rouse") declare function rouse(at: usize, count: i32): i32;
export namespace scheduled {
  export function load<T>(at: usize): T { step(at); return atomic.load<T>(at); }
  export function store<T>(at: usize, value: T): void { step(at); atomic.store<T>(at, value); }
  export function add<T>(at: usize, value: T): T { step(at); return atomic.add<T>(at, value); }
  export function sub<T>(at: usize, value: T): T { step(at); return atomic.sub<T>(at, value); }
  export function and<T>(at: usize, value: T): T { step(at); return atomic.and<T>(at, value); }
  export function or<T>(at: usize, value: T): T { step(at); return atomic.or<T>(at, value); }
  export function xor<T>(at: usize, value: T): T { step(at); return atomic.xor<T>(at, value); }
  export function xchg<T>(at: usize, value: T): T { step(at); return atomic.xchg<T>(at, value); }
  export function cmpxchg<T>(at: usize, expected: T, value: T): T {
    step(at);
    return atomic.cmpxchg<T>(at, expected, value);
  }
  export function wait<T>(at: usize, expected: T, nanoseconds: i64): i32 {
    return sleep(at, <u32>expected, <f64>nanoseconds);
  }
  export function notify(at: usize, count: i32): i32 { return rouse(at, count); }
  export function put<T>(at: usize, value: T, offset: usize = 0): void {
    change(at + offset);
    store_<T>(at + offset, value);
  }
}
// @ts-ignore: decorator
@inline function store_<T>(at: usize, value: T): void { store<T>(at, value); }
`;

/** The source of a file of assembly/ with the scheduler before its atomic operations. Its lines stay where they are. */
export function withScheduler(file, text) {
  if (file === ENTRY) return text.replace(/^export .*"\.\/kernel\/.*$/gm, "");
  if (!/\batomic\./.test(text) && !MORTAL.includes(file)) return text;
  // Whoever looks at all lists of a cache in turn has the lock, and nobody notices when: to take a list is a step.
  let scheduled = text.replace(/\batomic\.load(?=<u32>\(headOf\()/g, "load");
  scheduled = scheduled.replace(/\batomic\.(?=[a-z]+[<(])/g, "scheduled.");
  if (MORTAL.includes(file)) scheduled = scheduled.replace(/(?<![.\w])store</g, "scheduled.put<");
  // Schedules are not to drown in looks at a taken lock.
  scheduled = scheduled.replace(/^(const SPINS: i32 = )\d+;/m, (_, head) => `${head}2;`);
  const depth = file.split("/").length - 2;
  return `import { scheduled } from "${"../".repeat(depth) || "./"}scheduled";${scheduled}`;
}

/** Puts one fault into a text, wherever its lines are broken; a fault that does not find its place just once is an error. */
export function withFault(text, { name, from, to }) {
  const words = from.trim().split(/\s+/);
  const place = new RegExp(words.map((word) => word.replace(/[^\w]/g, "\\$&")).join("\\s+"), "g");
  const found = text.match(place)?.length ?? 0;
  if (found !== 1) throw new Error(`fault ${name}: its place is found ${found} times, not once`);
  return text.replace(place, () => to);
}

async function buildVariants(names) {
  const inputs = fingerprint();
  const out = join(all, inputs);
  const wanted = names.filter((name) => !existsSync(join(out, name)));
  if (wanted.length === 0) return out;
  for (const old of existsSync(all) ? readdirSync(all) : [])
    if (old !== inputs) rmSync(join(all, old), { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const compiled = wanted.some((name) => inWasm(faultNamed(name))) ? compile("compiled", null) : "";
    let sound;
    for (const name of wanted) {
      const fault = faultNamed(name);
      const folder = join(scratch, name);
      if (inWasm(fault)) cpSync(compiled, folder, { recursive: true });
      else compile(name, fault);
      if (name !== "plain") {
        const wasm = fault !== null && inWasm(fault) ? await assemble(fault) : (sound ??= await assemble(null));
        const bytes = Buffer.from(wasm).toString("base64");
        writeFileSync(
          join(folder, "src/generated/wasm-bytes.js"),
          `export const SHARED_WASM = "${bytes}";\nexport const PRIVATE_WASM = "";\n`,
        );
      }
      mkdirSync(out, { recursive: true });
      put(folder, join(out, name));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return out;
}

/** Moves a folder to its place, unless somebody else has made the same meanwhile. */
function put(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** The fault of a variant; null: it has none. */
function faultNamed(name) {
  const fault = FAULTS.find((each) => each.name === name) ?? null;
  if (fault === null && name !== "sound" && name !== "plain") throw new Error(`there is no variant ${name}`);
  return fault;
}

function inWasm(fault) {
  return fault === null || fault.file.startsWith("assembly/");
}

/** The worker and what it imports, as JavaScript in a folder of the scratch. */
function compile(name, fault) {
  const to = join(scratch, name);
  const sources = join(scratch, "sources");
  for (const folder of ["src", "test/proof/worker"])
    cpSync(join(root, folder), join(sources, folder), { recursive: true });
  if (fault !== null) {
    const file = join(sources, fault.file);
    writeFileSync(file, withFault(readFileSync(file, "utf8"), fault));
  }
  const project = join(scratch, "tsconfig.json");
  const compilerOptions = { noEmit: false, noCheck: true, rootDir: sources, outDir: to, types: [] };
  const files = [join(sources, "test/proof/worker/worker.ts")];
  writeFileSync(project, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }));
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", project], { cwd: root, stdio: ["ignore", 2, 2] });
  rmSync(sources, { recursive: true });
  return to;
}

/** The module with the scheduler's calls and, unless null, one fault. */
async function assemble(fault) {
  const { default: asc } = await import("assemblyscript/asc");
  let wasm;
  let words = "";
  const { error } = await asc.main(["--config", "asconfig.json", "--target", "shared", "--outFile", "scheduled.wasm"], {
    readFile(name, base) {
      const file = name.replaceAll("\\", "/");
      if (file === "assembly/scheduled.ts") return SCHEDULED;
      const path = join(root, base === "." ? "" : base, file);
      if (!existsSync(path)) return null;
      const text = readFileSync(path, "utf8");
      if (file === "asconfig.json") return quickly(text);
      if (!file.startsWith("assembly/")) return text;
      return withScheduler(file, fault?.file === file ? withFault(text, fault) : text);
    },
    writeFile(_name, contents) {
      wasm = contents;
    },
    listFiles: () => [],
    stderr: { write: (text) => void (words += text) },
  });
  if (error !== null) throw new Error(`the scheduled module${fault === null ? "" : ` with ${fault.name}`}: ${words}`);
  return wasm;
}

/** The shipped configuration, without the optimizations that take long. */
function quickly(config) {
  const { options, ...rest } = JSON.parse(config);
  return JSON.stringify({ ...rest, options: { ...options, optimizeLevel: 1, converge: false } });
}

/** One word for all that the variants are made of. */
function fingerprint() {
  const hash = createHash("sha256");
  const files = [
    "assembly",
    "src",
    "test/proof/worker",
    "scripts/scheduled.mjs",
    "scripts/faults.mjs",
    "asconfig.json",
  ];
  for (const pkg of ["assemblyscript", "typescript"])
    hash.update(JSON.parse(readFileSync(require.resolve(`${pkg}/package.json`), "utf8")).version);
  for (const file of files.flatMap(filesIn)) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 16);
}

function filesIn(path) {
  if (/\.\w+$/.test(path)) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts") && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildVariants(process.argv.slice(2)));
