// A record that says how large it is, and is serialized as exactly as many bytes: four of length, then filler. The serializer
// has no buffer, header or footer, so that what has been written is known after each record.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.spark.serializer.DeserializationStream;
import org.apache.spark.serializer.SerializationStream;
import org.apache.spark.serializer.Serializer;
import org.apache.spark.serializer.SerializerInstance;
import org.apache.spark.util.KnownSizeEstimation;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;
import scala.reflect.ClassTag;

final class SaidRecord implements KnownSizeEstimation {
  static final ClassTag<SaidRecord> TAG = scala.reflect.ClassTag$.MODULE$.apply(SaidRecord.class);

  private final int bytes;

  SaidRecord(int bytes) {
    this.bytes = bytes;
  }

  @Override
  public long estimatedSize() {
    return bytes;
  }

  byte[] serialized() {
    return ByteBuffer.allocate(bytes).putInt(bytes).array();
  }

  /** The records of runs [[count, bytes], ...]. */
  static Iterator<SaidRecord> of(JsonNode runs) {
    return new AbstractIterator<SaidRecord>() {
      private int run = 0;
      private int taken = 0;

      @Override
      public boolean hasNext() {
        while (run < runs.size() && taken >= runs.get(run).get(0).intValue()) {
          run++;
          taken = 0;
        }
        return run < runs.size();
      }

      @Override
      public SaidRecord next() {
        hasNext();
        taken++;
        return new SaidRecord(runs.get(run).get(1).intValue());
      }
    };
  }

  static byte[] allSerialized(JsonNode runs) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (Iterator<SaidRecord> each = of(runs); each.hasNext(); ) {
      byte[] record = each.next().serialized();
      all.write(record, 0, record.length);
    }
    return all.toByteArray();
  }

  /** Spark's way to write and read such records. */
  static final class Unbuffered extends Serializer {
    @Override
    public SerializerInstance newInstance() {
      return new Instance();
    }
  }

  private static final class Instance extends SerializerInstance {
    @Override
    public <T> ByteBuffer serialize(T record, ClassTag<T> tag) {
      return ByteBuffer.wrap(((SaidRecord) record).serialized());
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T deserialize(ByteBuffer bytes, ClassTag<T> tag) {
      return (T) new SaidRecord(bytes.getInt());
    }

    @Override
    public <T> T deserialize(ByteBuffer bytes, ClassLoader loader, ClassTag<T> tag) {
      return deserialize(bytes, tag);
    }

    @Override
    public SerializationStream serializeStream(OutputStream out) {
      return new Writer(out);
    }

    @Override
    public DeserializationStream deserializeStream(InputStream in) {
      return new Reader(in);
    }
  }

  private static final class Writer extends SerializationStream {
    private final OutputStream out;

    Writer(OutputStream out) {
      this.out = out;
    }

    @Override
    public <T> SerializationStream writeObject(T record, ClassTag<T> tag) {
      try {
        out.write(((SaidRecord) record).serialized());
      } catch (IOException cause) {
        throw new UncheckedIOException(cause);
      }
      return this;
    }

    @Override
    public void flush() {
      try {
        out.flush();
      } catch (IOException cause) {
        throw new UncheckedIOException(cause);
      }
    }

    @Override
    public void close() {
      try {
        out.close();
      } catch (IOException cause) {
        throw new UncheckedIOException(cause);
      }
    }
  }

  private static final class Reader extends DeserializationStream {
    private final DataInputStream in;

    Reader(InputStream in) {
      this.in = new DataInputStream(in);
    }

    /** Spark takes the end of the stream for the end of the records. */
    @Override
    @SuppressWarnings("unchecked")
    public <T> T readObject(ClassTag<T> tag) {
      try {
        int bytes = in.readInt();
        in.readFully(new byte[bytes - 4]);
        return (T) new SaidRecord(bytes);
      } catch (EOFException end) {
        throw SaidRecord.<RuntimeException>unchecked(end);
      } catch (IOException cause) {
        throw new UncheckedIOException(cause);
      }
    }

    @Override
    public void close() {
      try {
        in.close();
      } catch (IOException cause) {
        throw new UncheckedIOException(cause);
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> E unchecked(Throwable cause) throws E {
    throw (E) cause;
  }
}
