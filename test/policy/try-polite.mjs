// Two tasks, one after the other, and what three policies answer them.
import { Consumer, humanBytes, openExecutor } from "tungsten-memory";
import polite from "./polite.mjs";

class Buffer extends Consumer {
  spill = () => 0;
}

for (const policy of ["greedy", "arbitrated", polite]) {
  const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, cores: 4, policy });
  const [first, second] = [1, 2].map((task) => new Buffer(executor.task(task)));
  const got = [first.acquireMemory(400 * 2 ** 20), second.acquireMemory(100 * 2 ** 20)];
  console.log(
    `${executor.manager.policy.name}: ${got.map(humanBytes).join(" and ")}, laws broken: ${executor.check().length}`,
  );
}
