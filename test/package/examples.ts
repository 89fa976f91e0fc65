// The public names of the package and the examples in their docstrings, read from the sources as text: an entry names what it
// hands out, and a docstring stands before its declaration.

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ROOT } from "../house/built.js";

/** A name that an entry hands out. */
export interface PublicName {
  /** As `exports` in package.json calls it. */
  readonly entry: string;
  readonly name: string;
  readonly kind: "function" | "class" | "interface" | "type" | "const";
  /** From the root of the repository. */
  readonly file: string;
  /** The text of its docstring, empty where there is none. */
  readonly doc: string;
  /** The code of its examples. */
  readonly examples: readonly string[];
}

/** The sources of the entries of the package by their names in `exports`. */
export function entries(): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    exports: Record<string, string | { default: string }>;
  };
  return new Map(
    Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === "string" ? [] : [[entry, target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts")] as const],
    ),
  );
}

/** Every public name of an entry, found where it is declared. */
export function namesOf(entry: string, file: string): PublicName[] {
  return declaredBy(join(ROOT, file)).map((found) => ({ entry, ...found }));
}

/** What the console lines of an example say that they print. */
export function promised(example: string): string[] {
  return Array.from(example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm), ([, text]) => text!);
}

type Found = Omit<PublicName, "entry">;

function declaredBy(file: string): Found[] {
  const text = readFileSync(file, "utf8");
  const handedOn = Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\} from "(.*)\.js";$/gm), ([, names, from]) =>
    names!
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => declarationOf(name, join(dirname(file), `${from!}.ts`))),
  ).flat();
  const own = Array.from(text.matchAll(DECLARATION), ([, , name]) => declarationOf(name!, file));
  return [...handedOn, ...own];
}

const DECLARATION = /^export (?:abstract |async )*(function|class|interface|type|const)\*? (\w+)/gm;

/** A declaration in a file, or in one from which the file passes it on. */
function declarationOf(name: string, file: string): Found {
  const text = readFileSync(file, "utf8");
  const declared = Array.from(text.matchAll(DECLARATION)).find(([, , other]) => other === name);
  if (declared === undefined) return passedOn(name, file, text);
  const doc = /\/\*\*((?:(?!\*\/)[^])*)\*\/\n$/.exec(text.slice(0, declared.index))?.[1] ?? "";
  const plain = doc.replaceAll(/^ ?\*? ?/gm, "");
  const examples = Array.from(plain.matchAll(/@example\n```ts\n([^]*?)\n```/g), ([, code]) => code!);
  return { name, kind: declared[1] as Found["kind"], file: relative(ROOT, file), doc: plain.trim(), examples };
}

function passedOn(name: string, file: string, text: string): Found {
  const names = new RegExp(`\\b${name}\\b`);
  const imports = Array.from(text.matchAll(/^(?:import|export) (?:type )?\{([^}]*)\} from "(.*)\.js";$/gm));
  const from = imports.find(([, list]) => names.test(list!))?.[2];
  if (from === undefined) throw new Error(`${relative(ROOT, file)} does not declare ${name}`);
  return declarationOf(name, join(dirname(file), `${from}.ts`));
}
