// A simulator with an event loop and a clock of its own. Three tasks share 4 MiB of execution memory, each with two requests;
// who must wait waits in virtual time, and every run prints the same.
import { Consumer, openExecutor } from "tungsten-memory";

const MIB = 2 ** 20;
const events = [];
let now = 0;
const at = (time, run) => events.splice(events.findLastIndex((event) => event.time <= time) + 1, 0, { time, run });
const say = (text) => console.log(`${String(now).padStart(2)} ${text}`);

class Hoard extends Consumer {
  spill = () => 0;
  *work() {
    for (const mib of [3, 1]) {
      say(`${this.name} asks for ${mib} MiB`);
      say(`${this.name} got ${(yield* this.acquireRequest(mib * MIB)) / MIB} MiB`);
    }
    at(now + 10, () => {
      this.freeMemory(this.used);
      executor.endTask(this.task.id);
      say(`${this.name} ends`);
    });
  }
}

const conf = { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "4m" };
const executor = openExecutor({ conf, pages: "accounts" });
const { waits } = executor.manager;
waits.onWake = () => at(now, () => waits.settle());
for (const id of [1, 2, 3]) {
  at(id, () => executor.task(id).begin(new Hoard(executor.task(id), { name: `task ${id}` }).work()));
}
while (events.length > 0) {
  const { time, run } = events.shift();
  now = time;
  run();
}
say(`waiting: ${waits.size}, used: ${executor.manager.executionUsed}, laws broken: ${executor.check().length}`);
