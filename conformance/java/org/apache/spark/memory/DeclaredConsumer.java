// A consumer that spills as its row of the trace has declared.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.TreeMap;
import org.apache.spark.unsafe.memory.MemoryBlock;

final class DeclaredConsumer extends MemoryConsumer {
  final String name;
  private final String onSpill;
  private final TreeMap<Integer, MemoryBlock> pages = new TreeMap<>();

  DeclaredConsumer(String name, TaskMemoryManager task, MemoryMode mode, String onSpill) {
    super(task, task.pageSizeBytes(), mode);
    this.name = name;
    this.onSpill = onSpill;
  }

  MemoryBlock takePage(long bytes) {
    MemoryBlock page = allocatePage(bytes);
    pages.put(page.pageNumber, page);
    return page;
  }

  void assertHolds(int page) {
    if (!pages.containsKey(page)) throw new IllegalStateException(name + " holds no page " + page);
  }

  void givePage(int number) {
    freePage(pages.remove(number));
  }

  @Override
  public long spill(long asked, MemoryConsumer trigger) throws IOException {
    ObjectNode told = Effects.current().spill();
    told.put("consumer", name).put("asked", asked).put("trigger", ((DeclaredConsumer) trigger).name);
    if (onSpill.equals("fail")) {
      told.put("failed", true);
      throw new IOException("declared to fail");
    }
    long freed = spillAsDeclared(asked, trigger == this);
    told.put("freed", freed);
    return freed;
  }

  private long spillAsDeclared(long asked, boolean forMyself) {
    switch (onSpill) {
      case "all":
        return spillPages(Long.MAX_VALUE) + spillLoose(loose());
      case "asked":
        return spillLoose(Math.min(asked, loose()));
      case "half":
        return spillLoose((loose() + 1) / 2);
      case "pages":
        return spillPages(asked);
      case "nothing":
        return 0;
      case "others":
        return forMyself ? 0 : spillPages(Long.MAX_VALUE) + spillLoose(loose());
      default:
        throw new IllegalStateException("no way to spill is called " + onSpill);
    }
  }

  /** Lowest page number first, until at least `enough` bytes are free. */
  private long spillPages(long enough) {
    long freed = 0;
    while (freed < enough && !pages.isEmpty()) {
      freed += pages.firstEntry().getValue().size();
      givePage(pages.firstKey());
    }
    return freed;
  }

  private long spillLoose(long bytes) {
    if (bytes > 0) freeMemory(bytes);
    return bytes;
  }

  /** What it holds outside of pages. */
  private long loose() {
    long bytes = getUsed();
    for (MemoryBlock page : pages.values()) bytes -= page.size();
    return bytes;
  }
}
