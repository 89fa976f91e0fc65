// The arena's allocator with a call before every write and every atomic operation: the shipped source, compiled for tests
// that stop a worker anywhere or let another one act there.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const STEPS = `
@external("steps", "step") declare function step(): void;
@external("steps", "sleep") declare function sleep(): i32;
export namespace steps {
  export function load<T>(at: usize): T { step(); return atomic.load<T>(at); }
  export function store<T>(at: usize, value: T): void { step(); atomic.store<T>(at, value); }
  export function xchg<T>(at: usize, value: T): T { step(); return atomic.xchg<T>(at, value); }
  export function cmpxchg<T>(at: usize, old: T, value: T): T { step(); return atomic.cmpxchg<T>(at, old, value); }
  export function wait<T>(at: usize, old: T, nanoseconds: i64): i32 { return sleep(); }
  export function notify(at: usize, count: i32): i32 { step(); return 0; }
  export function put<T>(at: usize, value: T, offset: usize = 0): void { step(); write<T>(at + offset, value); }
}
// @ts-ignore: decorator
@inline function write<T>(at: usize, value: T): void { store<T>(at, value); }
`;

const ENTRY = `
export { arenaCreate } from "./arena";
export { arenaCheck } from "./check";
export { crewAllocate, crewAttach, crewCreate, crewFree, crewGiveBack, crewHandOver, crewLock, crewPatience, crewResize, crewUnlock } from "./crew";
export { crewBury, crewInherit } from "./repair";
`;

const FLAGS =
  "--runtime stub --enable threads --importMemory --noExportMemory --initialMemory 1 --maximumMemory 65535 " +
  "--zeroFilledMemory --sharedMemory --use abort= -O1 --outFile steps.wasm";

/** Compiles it; `fault` may change the text of a file first. */
export async function compileSteps(
  fault: (file: string, text: string) => string = (_, text) => text,
): Promise<WebAssembly.Module> {
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const { error } = await main(["entry.ts", ...FLAGS.split(" ")], {
    readFile(name) {
      if (name === "entry.ts") return ENTRY;
      if (name === "steps.ts") return STEPS;
      if (!/^(?:arena|bytes|check|crew|lock|map|repair)\.ts$/.test(name)) return null;
      const text = readFileSync(fileURLToPath(new URL(`../../assembly/${name}`, import.meta.url)), "utf8");
      return `import { steps } from "./steps";${withSteps(fault(name, text))}`;
    },
    writeFile(_name, contents) {
      wasm = contents as Uint8Array<ArrayBuffer>;
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === undefined) throw new Error(`the module with steps: ${error?.message ?? "no binary"}`);
  return new WebAssembly.Module(wasm);
}

function withSteps(text: string): string {
  return text
    .replace(/\batomic\.(?=[a-z]+[<(])/g, "steps.")
    .replace(/(?<![.\w])store</g, "steps.put<")
    .replace(/^(const SPINS: i32 = )\d+;/m, (_, head: string) => `${head}2;`)
    .replace(/^(const LOOKS: i32 = )\d[\d_]*;/m, (_, head: string) => `${head}3;`);
}
