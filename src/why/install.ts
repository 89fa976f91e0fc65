// Puts methods and observers of somebody else's on objects that live, and takes them off again: what nobody watches has none
// of them and pays nothing.

type Method = (...args: never[]) => unknown;

export class Installed {
  readonly #undo: (() => void)[] = [];

  /** Whether something is installed. */
  get any(): boolean {
    return this.#undo.length > 0;
  }

  /** Puts a method on `owner` that is made from the one it has, bound to it. */
  method<Owner extends object, Name extends keyof Owner>(
    owner: Owner,
    name: Name,
    make: (plain: Owner[Name]) => Owner[Name],
  ): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    const plain = (owner[name] as Method).bind(owner as never) as Owner[Name];
    // A plain assignment, undone in reverse: engines keep such an object among the fast ones.
    owner[name] = make(plain);
    this.#undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, before);
    });
  }

  /** Puts an observer before the owner's own, which may be set before or later. */
  observer<Owner extends object, Name extends keyof Owner>(
    owner: Owner,
    name: Name,
    before: (user: () => Owner[Name]) => Owner[Name],
  ): void {
    const property = Object.getOwnPropertyDescriptor(owner, name)!;
    let user = owner[name];
    const observer = before(() => user);
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: true,
      get: () => observer,
      set(next: Owner[Name]) {
        if (property.set === undefined) user = next;
        else property.set.call(owner, next);
      },
    });
    this.#undo.push(() => {
      if ("value" in property) Object.defineProperty(owner, name, { ...property, value: user });
      else Object.defineProperty(owner, name, property);
    });
  }

  /** Takes everything off, last first. */
  undo(): void {
    for (let last = this.#undo.pop(); last !== undefined; last = this.#undo.pop()) last();
  }
}
