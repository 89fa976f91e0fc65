// A worker of an isolated page: attaches to its place and does what it is told.
import { attachExecutor, Consumer, holdPlace, OFF_HEAP } from "./index.js";

class Holder extends Consumer {
  spill() {
    return 0;
  }
}

let holder;
addEventListener("message", ({ data: { place, acquire, free, pages } }) => {
  if (place !== undefined) {
    const executor = attachExecutor(place);
    holder = new Holder(executor.task(place.worker), { name: "holder", mode: OFF_HEAP });
    void holdPlace(place).then(() => postMessage("here"));
  } else if (pages !== undefined) {
    for (let i = 0; i < pages; i += 1) {
      const page = holder.allocateArray(1000 * (1 + (i % 31)));
      page.views.u8.fill(1, page.base, page.base + page.bytes);
      holder.freePage(page);
    }
    postMessage(pages);
  } else if (acquire !== undefined) {
    postMessage(holder.acquireMemory(acquire));
  } else {
    holder.freeMemory(free);
    postMessage(free);
  }
});
