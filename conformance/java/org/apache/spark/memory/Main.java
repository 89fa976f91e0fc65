// Answers requests with real Spark: one JSON object a line on standard input, the same line with Spark's answer on standard
// output. A header begins a trace or a list of vectors, {"end":N} ends it, and any number of them may follow each other.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;

public final class Main {
  static final ObjectMapper JSON = new ObjectMapper();

  /** What answers the lines of one file. */
  interface Respondent extends AutoCloseable {
    void header(ObjectNode header) throws Throwable;

    void row(ObjectNode row) throws Throwable;

    @Override
    void close();
  }

  public static void main(String[] args) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Writer out = new BufferedWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
    // Whatever Spark prints must not get between the answers.
    System.setOut(System.err);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode header = (ObjectNode) JSON.readTree(line);
      answer(header, in, out);
      out.flush();
    }
    // Threads of Spark must not keep the process.
    System.exit(0);
  }

  /** Answers one file, up to its end. From the first line that cannot be answered on nothing is: the end says why. */
  private static void answer(ObjectNode header, BufferedReader in, Writer out) throws IOException {
    String broken = null;
    int rows = 0;
    try (Respondent respondent = header.has("trace") ? Traces.respondent(header) : new Vectors()) {
      try {
        respondent.header(header);
        out.write(header + "\n");
      } catch (Throwable cause) {
        broken = reason(cause);
      }
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode row = JSON.readTree(line);
        if (row.has("end")) break;
        if (broken != null) continue;
        try {
          respondent.row((ObjectNode) row);
          out.write(row + "\n");
          rows++;
        } catch (Throwable cause) {
          broken = reason(cause);
        }
      }
    }
    ObjectNode end = JSON.createObjectNode().put("end", rows);
    if (broken != null) end.put("broken", broken);
    out.write(end + "\n");
  }

  private static String reason(Throwable cause) {
    StackTraceElement[] stack = cause.getStackTrace();
    return cause + (stack.length > 0 ? " at " + stack[0] : "");
  }
}
