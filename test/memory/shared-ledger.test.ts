import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { keeperContract } from "./ledger.contract.js";

keeperContract("shared ledger", () => SharedLedger.create());
