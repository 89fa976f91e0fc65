// The far end of linePeer: `warm S` or `round S` in, one JSON object a line out, until the input ends.

import { createInterface } from "node:readline";

import type { Reading } from "./harness.js";
import { hex } from "./hash.js";

export interface LinePeer {
  warm(seconds: number): Promise<void> | void;
  round(seconds: number): Promise<Reading> | Reading;
}

/** Answers until the input ends, then ends the process. */
export async function answerLines(name: string, peer: LinePeer): Promise<never> {
  say({ ready: name });
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, seconds] = line.split(" ") as [string, string];
    try {
      if (verb === "warm") {
        await peer.warm(Number(seconds));
        say({ warm: true });
      } else {
        const { more, hash, ...reading } = await peer.round(Number(seconds));
        say({ ...reading, hash: hash === null ? null : hex(hash), ...more });
      }
    } catch (error) {
      say({ error: (error as Error).message });
      process.exit(1);
    }
  }
  process.exit(0);
}

/** Cannot take part. */
export function sayAbsent(absent: string): never {
  say({ absent });
  process.exit(3);
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
