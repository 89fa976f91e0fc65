// The guard of the wasm files lets the two that are built pass, and stops the build for each thing it looks for.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { guardWasm, MAX_WASM_BYTES } from "../../scripts/guard-wasm.mjs";
import { build, ROOT } from "./built.js";

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const TYPE = section(1, 1, 0x60, 0, 0);
const FUNCTION = section(3, 1, 0);
const CODE = section(10, 1, 2, 0, 0x0b);

const enum Limits {
  Private = 1,
  Shared = 3,
}

/** A section of less than 128 bytes. */
function section(id: number, ...content: number[]): number[] {
  return [id, content.length, ...content];
}

function text(word: string): number[] {
  return [word.length, ...Buffer.from(word)];
}

/** The import `env.memory` with at least 1 and at most 65535 units, as asc writes it. */
function memory(limits: number, name = "memory"): number[] {
  return [...text("env"), ...text(name), 2, limits, 1, 0xff, 0xff, 0x03];
}

function module(...sections: number[][]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...HEADER, ...sections.flat()]);
}

const guard = (bytes: Uint8Array<ArrayBuffer>, shared = true) => {
  return () => guardWasm("probe.wasm", bytes, { shared });
};

describe("the guard", () => {
  const imports = section(2, 1, ...memory(Limits.Shared));

  test("lets a module pass that imports its memory, of the kind it is for", () => {
    expect(guard(module(imports))).not.toThrow();
    expect(guard(module(TYPE, imports, FUNCTION, CODE))).not.toThrow();
    expect(guard(module(section(2, 1, ...memory(Limits.Private))), false)).not.toThrow();
  });

  test("a data section without segments is none", () => {
    expect(guard(module(imports, section(11, 0)))).not.toThrow();
  });

  test.each<[string, Uint8Array<ArrayBuffer>, string]>([
    ["an active data segment", module(imports, section(11, 1, 0, 0x41, 0, 0x0b, 1, 7)), "has 1 data segment"],
    ["an empty data segment", module(imports, section(11, 1, 0, 0x41, 0, 0x0b, 0)), "has 1 data segment"],
    [
      "a passive data segment",
      module(imports, section(12, 2), section(11, 2, 1, 1, 7, 1, 1, 8)),
      "has 2 data segments",
    ],
    ["a start function", module(TYPE, imports, FUNCTION, section(8, 0), CODE), "has a start function"],
    [
      "a second import",
      module(TYPE, section(2, 2, ...memory(Limits.Shared), ...text("env"), ...text("abort"), 0, 0)),
      "imports env.memory (memory), env.abort (function)",
    ],
    ["another memory", module(section(2, 1, ...memory(Limits.Shared, "heap"))), "imports env.heap (memory)"],
    ["a memory of its own", module(section(5, 1, 0, 1)), "imports nothing"],
    ["bytes that are no module", new Uint8Array([0, 0x61, 0x73, 0x6d]), "is not a valid module"],
    ["too large a module", module(imports, oversize()), `the limit is ${MAX_WASM_BYTES}`],
    ["the wrong kind of memory", module(section(2, 1, ...memory(Limits.Private))), "does not take a shared memory"],
  ])("stops %s", (_, bytes, why) => {
    expect(guard(bytes)).toThrow(why);
  });
});

/** A custom section that alone is at the limit. */
function oversize(): number[] {
  const size = MAX_WASM_BYTES;
  return [0, (size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14, ...Buffer.alloc(size)];
}

describe("the files that are built", () => {
  beforeAll(build);

  test.each(["shared", "private"])("%s.wasm is what is tested and shipped", async (kind) => {
    const bytes = readFileSync(join(ROOT, `dist/wasm/${kind}.wasm`));
    guardWasm(`${kind}.wasm`, bytes, { shared: kind === "shared" });
    const { SHARED_WASM, PRIVATE_WASM } = await import("../../src/generated/wasm-bytes.js");
    expect(bytes.toString("base64")).toBe(kind === "shared" ? SHARED_WASM : PRIVATE_WASM);
  });
});
