// Somebody who answers as this library does, in place of real Spark; a rule of it can be made wrong on purpose.

import type { Oracle } from "../../conformance/spark.js";
import { readHeader, type Op } from "../../src/trace/format.js";
import { Replay } from "../../src/trace/replay.js";
import { headerAnswers } from "../../src/trace/state.js";
import { endLine, rowLine } from "../../src/trace/write.js";

type Asked = Op & { readonly i: number };
type Result = Record<string, unknown>;

/** `lie` may change what is answered to a request. */
export function double(
  lie: (asked: Asked, result: Result) => Result = (_, result) => result,
): Oracle & { asked: number } {
  const oracle = {
    asked: 0,
    async answer(lines: readonly string[]) {
      oracle.asked += 1;
      const made = { pageSize: 1, tungstenMode: "onHeap", state: { onHeap: [0, 0, 0, 0], offHeap: [0, 0, 0, 0] } };
      const asked = JSON.parse(lines[0]!) as object;
      const replay = new Replay(readHeader({ ...asked, ...made }, "double"));
      const out = [JSON.stringify({ ...asked, ...headerAnswers(replay.executor) })];
      let broken: string | null = null;
      for (const line of lines.slice(1, -1)) {
        const row = JSON.parse(line) as Asked;
        try {
          const answer = replay.apply(row);
          out.push(rowLine(row, { ...answer, result: lie(row, answer.result) }));
        } catch (error) {
          broken = String(error);
          break;
        }
      }
      out.push(endLine(out.length - 1));
      return { lines: out, broken };
    },
    async close() {},
  };
  return oracle;
}
