// A block store over shared accounts and a shared table, with one worker in this thread.

import { audit } from "../../src/memory/audit.js";
import { MemoryManager, type RegionSizes } from "../../src/memory/manager.js";
import type { Tenant } from "../../src/memory/places.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { unified } from "../../src/policy/unified.js";
import { readConf } from "../../src/config/keys.js";
import { NO_PLACE } from "../../src/storage/bytes.js";
import { storageRules } from "../../src/storage/rules.js";
import { NONE } from "../../src/storage/table.js";
import { type BlockDisk, BlockStore } from "../../src/storage/store.js";
import { SharedTable } from "../../src/storage/shared-table.js";
import { Cells } from "./cells.mjs";

export interface SharedWorldOptions {
  readonly onHeap: RegionSizes;
  readonly offHeap: RegionSizes;
  readonly blocks?: number;
  readonly cells?: number;
  readonly cellBytes?: number;
  readonly disk?: BlockDisk | null;
  /** Of the first worker, milliseconds: who buries must not sleep for ever for a lock that another dead worker has. Default 20. */
  readonly patienceMs?: number;
}

/** Spark's, but for a first reservation that small regions have room for. */
export const RULES = { ...storageRules(readConf({}, "4.1")), unrollBytes: 16 };

/** What one worker has. */
export interface SharedWorker {
  readonly ledger: SharedLedger;
  readonly tenant: Tenant;
  readonly manager: MemoryManager;
  readonly table: SharedTable;
  readonly store: BlockStore;
  readonly cells: Cells;
  readonly check: () => string[];
}

export function sharedWorld(options: SharedWorldOptions): SharedWorker {
  const { blocks = 64, cells = 64, cellBytes = 512, patienceMs = 20 } = options;
  const ledger = SharedLedger.create({ annexBytes: SharedTable.bytesFor(blocks), patienceMs });
  const memory = new Cells(new SharedArrayBuffer(Cells.bytesFor(cells, cellBytes)), cellBytes);
  return worker(ledger, { worker: ledger.worker, tenancy: 0 }, SharedTable.create(ledger, blocks), memory, options);
}

/** One more worker, in this thread as well. */
export function attached(to: SharedWorker, options: SharedWorldOptions): SharedWorker {
  const tenant = to.ledger.reserve();
  const ledger = SharedLedger.attach(to.ledger.memory, { tenant });
  const memory = new Cells(to.cells.buffer, to.cells.cellBytes);
  return worker(ledger, tenant, SharedTable.attach(ledger), memory, options, true);
}

function worker(
  ledger: SharedLedger,
  tenant: Tenant,
  table: SharedTable,
  cells: Cells,
  { onHeap, offHeap, disk = null }: SharedWorldOptions,
  isAttached: boolean = false,
): SharedWorker {
  const manager = new MemoryManager({ policy: unified, onHeap, offHeap, ledger, attached: isAttached });
  const store = new BlockStore({ manager, table, keepers: [cells, cells], disk, rules: RULES });
  const check = (): string[] => {
    const broken = audit({ manager, store, tasks: [], rawStorage: [0, 0], consumersOnly: false });
    const live = cells.live().length;
    let kept = 0;
    for (const mode of [0, 1] as const)
      for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot))
        kept += table.place(slot) === NO_PLACE ? 0 : 1;
    if (live !== kept) broken.push(`${live} cells are taken, by ${kept} blocks`);
    return broken;
  };
  return { ledger, tenant, manager, table, store, cells, check };
}
