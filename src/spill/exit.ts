// What must be gone when the process goes. One hook serves all stores and is there only while a store is open; signals stay
// the embedder's business unless it asks.

/** Something that leaves files behind unless it is closed. */
export interface Closable {
  close(): void;
}

const open = new Set<Closable>();

/** `close` will be called when the process ends, unless `forget` came first. */
export function closeAtExit(what: Closable): void {
  if (open.size === 0) process.on("exit", closeAll);
  open.add(what);
}

export function forget(what: Closable): void {
  if (open.delete(what) && open.size === 0) process.off("exit", closeAll);
}

function closeAll(): void {
  for (const what of open) {
    try {
      what.close();
    } catch {
      // The process is ending and nobody is left to tell; the next start tries again.
    }
  }
}

const ENDING_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Makes signals that would end the process remove spill files first. Where anybody else listens to the signal, that listener
 * decides and nothing happens here; else the files go and the signal is raised again with its usual end. For programs that
 * own their process: with a listener installed, a signal waits until the event loop turns. Returns the undoing.
 *
 * @example
 * ```ts
 * import { removeSpillFilesOnSignals } from "tungsten-memory/spill";
 *
 * const undo = removeSpillFilesOnSignals(["SIGINT", "SIGTERM"]);
 * undo();
 * ```
 */
export function removeSpillFilesOnSignals(signals: readonly NodeJS.Signals[] = ENDING_SIGNALS): () => void {
  const undo = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    closeAll();
    undo();
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return undo;
}
