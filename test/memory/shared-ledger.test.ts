import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { type Keeper, keeperContract } from "./ledger.contract.js";

// Claims are asked again in a decision, as the manager does: the answer there is exact.
keeperContract("shared ledger", (): Keeper => {
  const ledger = SharedLedger.create();
  const claim = ledger.claimWhole.bind(ledger);
  ledger.claimWhole = (...request) => {
    const granted = claim(...request);
    return granted >= 0 ? granted : ledger.alone(() => claim(...request));
  };
  return ledger;
});
