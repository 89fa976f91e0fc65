// Rows about unmanaged consumers (section 4.4 of the law), on a registry of the replay's own: each consumer answers what
// the trace says until the trace says otherwise.

import { OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type UnmanagedConsumer, UnmanagedMemory } from "../memory/unmanaged.js";
import { modeOf, Undeclared, type UnmanagedAnswer, type UnmanagedOp } from "./format.js";

interface TraceUnmanaged extends UnmanagedConsumer {
  answer: UnmanagedAnswer;
}

export class UnmanagedRows {
  readonly registry: UnmanagedMemory = new UnmanagedMemory();
  readonly #consumers = new Map<string, TraceUnmanaged>();

  apply(row: UnmanagedOp): Record<string, unknown> {
    switch (row.op) {
      case "unmanagedRegister": {
        const consumer = answering(row);
        this.#consumers.set(keyOf(row), consumer);
        this.registry.register(consumer);
        break;
      }
      case "unmanagedAnswer": {
        const consumer = this.#consumers.get(keyOf(row));
        if (consumer === undefined) throw new Undeclared(`unmanaged consumer ${keyOf(row)} has not been registered`);
        consumer.answer = row.answer;
        break;
      }
      case "unmanagedUnregister":
        this.registry.unregister(row);
        break;
      case "unmanagedPoll":
        this.registry.poll();
        break;
      case "unmanagedClear":
        this.registry.clear();
        break;
      case "unmanagedUsed":
        return { bytes: this.registry.usedBy(row.component) };
    }
    return { cached: [this.registry.used(ON_HEAP), this.registry.used(OFF_HEAP)] };
  }
}

function answering(row: Extract<UnmanagedOp, { op: "unmanagedRegister" }>): TraceUnmanaged {
  return {
    component: row.component,
    instance: row.instance,
    mode: modeOf(row.mode),
    answer: row.answer,
    bytesUsed() {
      if (this.answer === "fails") throw new Error("the consumer cannot say");
      return this.answer;
    },
  };
}

function keyOf({ component, instance }: { component: string; instance: string }): string {
  return JSON.stringify([component, instance]);
}
