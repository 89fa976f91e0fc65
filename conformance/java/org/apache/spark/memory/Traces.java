// Which recorder answers a trace: its header names an extension of the format, or none.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;

final class Traces {
  private Traces() {}

  static Main.Respondent respondent(ObjectNode header) {
    return header.path("extension").asText().equals("blocks-1") ? new BlockRecording() : new Recording();
  }
}
