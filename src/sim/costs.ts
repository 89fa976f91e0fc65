// What things cost in virtual time: every constant of the simulator's models of CPU, disk, network and garbage collection,
// each with where it comes from. The models are simple on purpose; policies are compared under the same ones.

// Time is a whole number of microseconds; rates are bytes per microsecond, which is MB/s.

/** Receiving, hashing or copying one record. Inserting 8 M rows takes Spark's sorter 0.45 s on one core (bench `sort`, ample). */
const INSERT_US_PER_RECORD = 0.056;

/** Sorting one record by its prefix and following it to its row: 2.0 s for 8 M rows (the same run). */
const SORT_US_PER_RECORD = 0.25;

/** Looking one key up in a hash map and updating it: 2.9 M a second (Spark's BytesToBytesMap, 8 M keys, 1 M distinct). */
const PROBE_US_PER_RECORD = 0.35;

/** Sorting one record of a shuffle by its partition: 3 of the 8 radix passes of a sort at 9 M records a second. */
const PARTITION_US_PER_RECORD = 0.042;

/** Decoding rows, evaluating expressions: an assumption, 200 MB/s a core. */
const COMPUTE_BYTES_PER_US = 200;

/** Reading cached values: an assumption, 1 GB/s a core. */
const SCAN_BYTES_PER_US = 1000;

/** Starting a task and reporting its end: an assumption, a few milliseconds as the driver's UI shows them. */
export const TASK_START_US = 5000;

/** A general-purpose cloud volume (gp3 of Amazon EBS, user guide): 125 MiB/s and about a millisecond a request. */
const DISK_BYTES_PER_US = 131;
const DISK_REQUEST_US = 1000;

/** What lz4 leaves of random rows: 162.5 of 220.2 MB (bench `sort`, 1/8, lz4 against plain). */
const COMPRESSED = 0.74;

/** A network of 10 Gbit/s and half a millisecond a fetch: an assumption. */
const NETWORK_BYTES_PER_US = 1250;
const NETWORK_REQUEST_US = 500;

/**
 * Garbage collection: what a copying collector pays per allocated byte is live / (heap - live) times what tracing a live byte
 * costs (Appel, "Garbage collection can be faster than stack allocation", 1987). Tracing goes at 1 GB/s, an assumption. Each
 * byte that is worked on leaves one byte of garbage. Pages of execution memory are arrays of numbers: they have nothing to
 * trace, and take room.
 */
const TRACE_BYTES_PER_US = 1000;
/** A full heap would collect for ever: this part of it is taken for free at least. */
const LEAST_FREE = 0.05;
/** Live objects besides the blocks, as a part of the heap: an assumption. */
const USER_LIVE = 0.05;

/** From one row of a memory trace to the next where the trace tells no times: an assumption. */
export const ROW_US = 1000;

/** A container is asked for, starts a JVM and registers: an assumption. */
export const EXECUTOR_START_US = 5_000_000;

/** A task that waited longer than this at one time was starved. Thirty seconds are where people begin to look for a hang. */
export const STARVED_US = 30_000_000;

/** Attempts before a task is given up: spark.task.maxFailures. */
export const MOST_ATTEMPTS = 4;

/** Work per record besides decoding it, by operator: on the way in, and once all are in. Microseconds. */
export const OPERATOR_US = {
  sort: { in: INSERT_US_PER_RECORD, out: SORT_US_PER_RECORD },
  aggregate: { in: PROBE_US_PER_RECORD, out: INSERT_US_PER_RECORD },
  join: { in: PROBE_US_PER_RECORD, out: 0 },
  shuffle: { in: INSERT_US_PER_RECORD, out: PARTITION_US_PER_RECORD },
} as const;

/** Time to decode and compute `bytes` of rows. */
export function computeUs(bytes: number): number {
  return bytes / COMPUTE_BYTES_PER_US;
}

/** Time to read `bytes` of cached values. */
export function scanUs(bytes: number): number {
  return bytes / SCAN_BYTES_PER_US;
}

/** Time the disk is busy with one request of `bytes`. */
export function diskUs(bytes: number): number {
  return DISK_REQUEST_US + bytes / DISK_BYTES_PER_US;
}

/** What `bytes` of rows take on disk. Whole bytes. */
export function compressed(bytes: number): number {
  return Math.ceil(bytes * COMPRESSED);
}

/** Time to fetch `bytes` from another executor or a shuffle service. */
export function networkUs(bytes: number): number {
  return NETWORK_REQUEST_US + bytes / NETWORK_BYTES_PER_US;
}

/** Collection time that working on `bytes` causes, in a heap of which `tracedBytes` are live objects and `usedBytes` are taken. */
export function gcUs(bytes: number, heapBytes: number, tracedBytes: number, usedBytes: number): number {
  const live = tracedBytes + heapBytes * USER_LIVE;
  const free = Math.max(heapBytes * LEAST_FREE, heapBytes - usedBytes - heapBytes * USER_LIVE);
  return ((live / free) * bytes) / TRACE_BYTES_PER_US;
}
