// Fails the build unless the module is what several workers may instantiate over one live memory: no data segment (each
// instance would write it again), no start function, nothing imported but the memory, and no larger than stated.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** Largest size of one wasm file, bytes. */
export const MAX_WASM_BYTES = 65_536;

export function guard(file, { shared }) {
  const bytes = readFileSync(file);
  const fail = (why) => {
    throw new Error(`${basename(file)}: ${why}`);
  };
  if (!WebAssembly.validate(bytes)) fail("is not a valid module");
  if (bytes.length > MAX_WASM_BYTES) fail(`is ${bytes.length} bytes, the limit is ${MAX_WASM_BYTES}`);
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = leb();
    const end = at + size;
    if (id === 8) fail("has a start function");
    if (id === 11 && leb() > 0) fail("has a data segment");
    at = end;
  }
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map((i) => `${i.module}.${i.name}`);
  if (imports.join() !== "env.memory")
    fail(`imports ${imports.join(", ") || "nothing"}, and should import env.memory only`);
  const probe = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared });
  new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: probe } });
}
