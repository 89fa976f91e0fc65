// The public names of `tungsten-memory/why`: a run recorded with causes, read back, and told in words and numbers. Nothing here
// needs Node; what writes files is `tungsten-memory/why/file`.

export {
  type Bound,
  type Fact,
  type FactKind,
  type FactOf,
  FACTS,
  type FieldTypes,
  type Held,
  type InCycle,
  type Limit,
  type Purpose,
  type Waking,
} from "./facts.js";
export { exportedLines, exportedRows, type ToldLine } from "./exported.js";
export { FORMAT_VERSION, Malformed } from "./format.js";
export { type CausedRow, CauseReader } from "./reader.js";
export { CauseRecorder } from "./recorder.js";
export { causesOf } from "./replay.js";
export { type Party, type Payment, Story, type Told } from "./story.js";
export { chain, type Known, sentence, sizeText } from "./tell.js";
export type { CauseSink } from "./writer.js";
