// Every export of the module, one line each. The module has no static data, no start function and no runtime; globals are
// private to an instance and hold nothing that another instance needs.
export * from "./kernel/radix";
export { gatherRows, mergeRuns } from "./kernel/rows";
export { mapAdd8, mapAddMany, mapFind8, mapLink, mapRehash } from "./kernel/hash-map";
export { lz4Compress, lz4Decompress, lz4TableBytes } from "./kernel/lz4";
export { arenaAllocate, arenaCreate, arenaFree, arenaResize } from "./arena";
export {
  crewAllocate,
  crewAttach,
  crewCreate,
  crewFree,
  crewGiveBack,
  crewHandOver,
  crewHolds,
  crewLock,
  crewPatience,
  crewResize,
  crewUnlock,
} from "./crew";
export { crewBury, crewInherit } from "./repair";
export { arenaCheck, arenaLargestFree } from "./check";
export { fillBytes, moveBytes } from "./bytes";
export * from "./accounts";
