// The members of public classes and interfaces, read from the declarations that are shipped: the compiler writes each four
// blanks from the margin, its docstring before it. A member without one has that
// of whatever its declaration names: what it implements, extends or picks from.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../house/built.js";

/** A method or property. */
export interface Member {
  readonly name: string;
  /** The text of its docstring, empty where there is none. */
  readonly doc: string;
}

/** The members that a class or interface of the package declares; of overloads, and of a getter and its setter, one. */
export function membersOf(owner: string): Member[] {
  const docs = docsOf(owner);
  return Array.from(declarations().get(owner)?.own.keys() ?? [], (name) => ({ name, doc: docs.get(name)! }));
}

/** Docstrings by member, those of what it has from others included. */
function docsOf(owner: string): Map<string, string> {
  const { parents, own } = declarations().get(owner) ?? { parents: [], own: new Map() };
  const docs = new Map(parents.flatMap((parent) => [...docsOf(parent)]));
  for (const [name, doc] of own) if (doc !== "" || !docs.has(name)) docs.set(name, doc);
  return docs;
}

interface Declared {
  readonly parents: readonly string[];
  /** Docstrings of its own by member. */
  readonly own: ReadonlyMap<string, string>;
}

const DECLARED = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface) (\w+)(.*?)\{(\n[^]*?^)?\}$/gm;
const MEMBER =
  /^(?: {4}\/\*\*((?:(?!\*\/)[^])*)\*\/\n)? {4}(?:(?:static|protected|abstract|readonly|get|set) )*(?!constructor\b|private\b)(\w+)[?(:<;]/gm;

let all: ReadonlyMap<string, Declared> | null = null;

function declarations(): ReadonlyMap<string, Declared> {
  all ??= new Map(
    readdirSync(join(ROOT, "dist"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".d.ts"))
      .flatMap((file) =>
        Array.from(readFileSync(join(ROOT, "dist", file), "utf8").matchAll(DECLARED), ([, name, head, body = ""]) => {
          const parents = head!.match(/\w+/g) ?? [];
          return [name!, { parents, own: ownDocs(body) }] as const;
        }),
      ),
  );
  return all;
}

function ownDocs(body: string): Map<string, string> {
  const docs = new Map<string, string>();
  for (const [, doc = "", name] of body.matchAll(MEMBER))
    docs.set(name!, (docs.get(name!) ?? "") + doc.replaceAll(/^ *\* ?/gm, "").trim());
  return docs;
}
