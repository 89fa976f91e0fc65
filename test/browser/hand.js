// A worker of an isolated page: attaches to its place and does what it is told.
import { attachExecutor, Consumer, holdPlace, OFF_HEAP } from "./index.js";

class Holder extends Consumer {
  spill() {
    return 0;
  }
}

let holder;
addEventListener("message", ({ data: { place, acquire, free } }) => {
  if (place !== undefined) {
    const executor = attachExecutor(place);
    holder = new Holder(executor.task(place.worker), { name: "holder", mode: OFF_HEAP });
    void holdPlace(place).then(() => postMessage("here"));
  } else if (acquire !== undefined) {
    postMessage(holder.acquireMemory(acquire));
  } else {
    holder.freeMemory(free);
    postMessage(free);
  }
});
