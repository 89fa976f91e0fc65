// The model of each policy, with the default parameters.

import type { EvictionName } from "../../../src/eviction/names.js";
import type { EvictionPolicy } from "../../../src/eviction/policy.js";
import {
  ArcModel,
  ClockModel,
  FifoModel,
  LruModel,
  S3FifoModel,
  SieveModel,
  SlruModel,
  TwoQueuesModel,
} from "./queues.js";
import { BeladySizeModel, GdsfModel, HintModel, LfuModel, LirsModel, WTinyLfuModel } from "./ranks.js";

export const MODELS: Readonly<Record<EvictionName, () => EvictionPolicy>> = {
  fifo: () => new FifoModel(),
  lru: () => new LruModel(),
  clock: () => new ClockModel(1),
  lfu: () => new LfuModel(),
  slru: () => new SlruModel(5),
  "2q": () => new TwoQueuesModel(),
  arc: () => new ArcModel(),
  lirs: () => new LirsModel(),
  sieve: () => new SieveModel(),
  "s3-fifo": () => new S3FifoModel(),
  "w-tinylfu": () => new WTinyLfuModel(),
  gdsf: () => new GdsfModel(),
  lrc: () => new HintModel("refs"),
  belady: () => new HintModel("nextUse"),
  "belady-size": () => new BeladySizeModel(),
};
