// Runs a command in this process and catches what it prints and how it ends.

import type { Command } from "commander";
import { vi } from "vitest";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(command: Command, args: readonly string[]): Promise<Ran> {
  const text = { out: "", err: "" };
  const capture = (stream: NodeJS.WriteStream, name: "out" | "err") =>
    vi.spyOn(stream, "write").mockImplementation((chunk) => {
      text[name] += String(chunk);
      return true;
    });
  const spies = [capture(process.stdout, "out"), capture(process.stderr, "err")];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await command.exitOverride().parseAsync([...args], { from: "user" });
    const code = process.exitCode as number | undefined;
    return { code: code ?? 0, ...text };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
