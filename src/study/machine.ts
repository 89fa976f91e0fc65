// What the figures were measured on.

import { cpus, release, totalmem, type } from "node:os";
import type { Machine } from "./study.js";

export function thisMachine(): Machine {
  return {
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
  };
}
