import { LocalLedger } from "../../src/memory/ledger.js";
import { keeperContract } from "./ledger.contract.js";

keeperContract("local ledger", () => new LocalLedger());
