// What must hold of a wasm module that several workers may instantiate over one live memory: no data segment (each instance
// would write it again), no start function, nothing imported but the memory, of the kind it was built for, and no larger
// than stated. The build stops where one of these does not hold.

/** Largest size of one wasm file, bytes. */
export const MAX_WASM_BYTES = 32_768;

const START_SECTION = 8;
const DATA_SECTION = 11;

/** Throws unless `bytes` is a module that may be shipped as `name`; `shared` is the kind of memory it was built for. */
export function guardWasm(name, bytes, { shared }) {
  const fail = (why) => {
    throw new Error(`${name} ${why}`);
  };
  if (!WebAssembly.validate(bytes)) fail("is not a valid module");
  if (bytes.length > MAX_WASM_BYTES) fail(`is ${bytes.length} bytes, the limit is ${MAX_WASM_BYTES}`);
  for (const { id, count } of sections(bytes)) {
    if (id === START_SECTION) fail("has a start function");
    if (id === DATA_SECTION && count > 0) fail(`has ${count} data segment${count === 1 ? "" : "s"}`);
  }
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name} (${i.kind})`);
  if (imports.join() !== "env.memory (memory)") {
    fail(`imports ${imports.join(", ") || "nothing"}, and should import env.memory only`);
  }
  if (!accepts(module, shared)) fail(`does not take a ${shared ? "shared" : "private"} memory`);
  if (accepts(module, !shared)) fail(`takes a ${shared ? "private" : "shared"} memory`);
}

/** The sections of a valid module: their ids, and the number that each begins with. */
function* sections(bytes) {
  const magicAndVersion = 8;
  for (let at = magicAndVersion; at < bytes.length;) {
    const id = bytes[at];
    const [size, begin] = unsigned(bytes, at + 1);
    yield { id, count: size === 0 ? 0 : unsigned(bytes, begin)[0] };
    at = begin + size;
  }
}

/** The LEB128 number at `at`, and where the bytes after it begin. */
function unsigned(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function accepts(module, shared) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_535, shared });
  const imports = { env: { memory } };
  try {
    void new WebAssembly.Instance(module, imports);
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) return false;
    throw error;
  }
  return true;
}
