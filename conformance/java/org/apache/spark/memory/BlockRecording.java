package org.apache.spark.memory;
import com.fasterxml.jackson.databind.node.ObjectNode;
final class BlockRecording implements Main.Respondent {
  public void header(ObjectNode h) { throw new IllegalStateException("later"); }
  public void row(ObjectNode h) {}
  public void close() {}
}
