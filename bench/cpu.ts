// The clock for work that neighbours must not slow down: what this process has taken of the CPU, all its threads together, the
// collector's and the compiler's included.

/** CPU seconds so far, to a microsecond. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
