// What a person reads about a configuration that is allowed but probably not meant, word for word: the keys and figures in
// these sentences are what they act on.

import { describe, expect, test } from "vitest";
import { containerLayout, type Cluster } from "../../src/config/container.js";
import { readConf } from "../../src/config/keys.js";
import { memoryLayout } from "../../src/config/layout.js";
import { keyNotices, layoutNotices, type Notice } from "../../src/config/notices.js";

type Raw = Record<string, string>;
interface Target {
  readonly version?: string;
  readonly cluster?: Cluster;
  readonly python?: boolean;
}

const written = ({ code, key, message }: Notice): string => `${code} | ${key} | ${message}`;

const aboutKeys = (raw: Raw, version = "4.1"): string[] => keyNotices(readConf(raw, version)).map(written);

function aboutLayout(raw: Raw, { version = "4.1", cluster = "yarn", python = false }: Target = {}): string[] {
  const conf = readConf(raw, version);
  const container = cluster === "standalone" ? null : containerLayout(conf, { cluster, python });
  const layout = memoryLayout(conf, { cores: 4, collector: "G1" });
  return layoutNotices(conf, layout, { cluster, python, container }).map(written);
}

const GIB_OFF_HEAP = { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1g" };
const OLD_SWITCH = { "spark.unsafe.offHeap": "true" };

describe("about keys", () => {
  test.each<[string, Raw, string | undefined, string[]]>([
    ["one that is read", { "spark.executor.memory": "1g", "spark.storage.exceptionOnPinLeak": "x" }, "2.4", []],
    [
      "an old name",
      OLD_SWITCH,
      undefined,
      [
        "deprecated-key | spark.unsafe.offHeap | spark.unsafe.offHeap is the old name of spark.memory.offHeap.enabled and is read in its place",
      ],
    ],
    [
      "an old name beside the new one",
      { ...OLD_SWITCH, "spark.memory.offHeap.enabled": "true" },
      undefined,
      [
        "deprecated-key | spark.unsafe.offHeap | spark.unsafe.offHeap is the old name of spark.memory.offHeap.enabled, which is set too: the old name is not read",
      ],
    ],
    [
      "no key of Spark's, like one",
      { "memory.fraction": "1" },
      undefined,
      [
        'not-a-spark-key | memory.fraction | memory.fraction does not begin with "spark." and is not passed on; did you mean spark.memory.fraction?',
      ],
    ],
    [
      "no key of Spark's, like none",
      { "java.home": "1" },
      undefined,
      ['not-a-spark-key | java.home | java.home does not begin with "spark." and is not passed on'],
    ],
    [
      "a misspelt one",
      { "spark.exectuor.memory": "1g" },
      undefined,
      [
        "misspelt-key | spark.exectuor.memory | spark.exectuor.memory is not known; did you mean spark.executor.memory?",
      ],
    ],
    [
      "another key of Spark's",
      { "spark.sql.shuffle.partitions": "1" },
      undefined,
      [
        "unknown-key | spark.sql.shuffle.partitions | spark.sql.shuffle.partitions is not a memory key: it changes nothing here",
      ],
    ],
    [
      "a property of the process",
      { "spark.memory.debugFill": "true" },
      undefined,
      [
        "process-property | spark.memory.debugFill | spark.memory.debugFill is set on the process (-Dspark.memory.debugFill=...): in a configuration it does nothing",
      ],
    ],
    [
      "one of a later release",
      { "spark.executor.minMemoryOverhead": "1g" },
      "3.5",
      [
        "key-not-yet-read | spark.executor.minMemoryOverhead | spark.executor.minMemoryOverhead is read from 4.0 on; 3.5 ignores it",
      ],
    ],
    ["one of its first release", { "spark.executor.minMemoryOverhead": "1g" }, "4.0", []],
    [
      "one of an earlier release",
      { "spark.storage.unrollFraction": "0.3" },
      "3.0",
      [
        "key-no-longer-read | spark.storage.unrollFraction | spark.storage.unrollFraction belongs to the static manager, which 3.0 removed: it is not read",
      ],
    ],
    [
      "one of legacy mode",
      { "spark.storage.unrollFraction": "0.3" },
      "2.4",
      [
        "legacy-key-ignored | spark.storage.unrollFraction | spark.storage.unrollFraction is read in legacy mode only (spark.memory.useLegacyMode)",
      ],
    ],
    [
      "one of legacy mode in legacy mode",
      { "spark.storage.unrollFraction": "0.3", "spark.memory.useLegacyMode": "true" },
      "2.4",
      [],
    ],
    [
      "those for tests",
      { "spark.testing": "no", "spark.testing.memory": "1", "spark.testing.reservedMemory": "1" },
      undefined,
      [
        "test-key | spark.testing | spark.testing is meant for tests: its presence, whatever its value, makes the reserve 0",
        "test-key | spark.testing.memory | spark.testing.memory is meant for tests: it stands for the heap",
        "test-key | spark.testing.reservedMemory | spark.testing.reservedMemory is meant for tests: it stands for the reserve of 300 MiB",
      ],
    ],
  ])("%s", (_what, raw, version, notices) => expect(aboutKeys(raw, version)).toEqual(notices));
});

describe("which key was meant", () => {
  const meant = (key: string): string | null =>
    /did you mean ([^?]*)/.exec(aboutKeys({ [key]: "1" })[0] ?? "")?.[1] ?? null;

  test.each([
    // One letter too few, too many, another, two swapped; and case does not count.
    ["spark.rdd.compres", "spark.rdd.compress"],
    ["spark.rdd.ccompress", "spark.rdd.compress"],
    ["spark.rdd.kompress", "spark.rdd.compress"],
    ["spark.rdd.ocmpress", "spark.rdd.compress"],
    ["psark.rdd.compress", "spark.rdd.compress"],
    ["SPARK.RDD.COMPRESS", "spark.rdd.compress"],
    ["rdd.compress", "spark.rdd.compress"],
    // Two letters of which one has only moved are no swap.
    ["spark.rdd.cxopress", null],
    ["spark.rdd.cmxpress", null],
    ["RDD.Compress", "spark.rdd.compress"],
    // A letter of difference for every ten, three at most.
    ["spark.rdd.ompres", null],
    ["spark.storage.memoryFractn", "spark.storage.memoryFraction"],
    ["spark.storage.memoryFracn", null],
    ["spark.shuffle.spill.numElementsForceSpillThres", null],
    ["spark.shuffle.spill.numElementsForceSpillThresho", "spark.shuffle.spill.numElementsForceSpillThreshold"],
    ["spark.shuffle.spill.numElementsForceSpillThreshol", "spark.shuffle.spill.numElementsForceSpillThreshold"],
    ["compress", null],
  ])("%s: %s", (key, name) => expect(meant(key)).toBe(name));
});

describe("about a layout", () => {
  const ignored = (key: string, why: string): string => `overhead-key-ignored | ${key} | ${key} is not used: ${why}`;
  const tooSmall = (where: string, mebibytes: number, missing: string): string =>
    `container-too-small | ${where}the container of ${mebibytes} MiB is ${missing} smaller than heap + off-heap + overhead`;
  const verbatim = (bytes: string, odd: string): string =>
    `page-size-verbatim | spark.buffer.pageSize | spark.buffer.pageSize is used as it is, ${bytes} bytes, without rounding${odd}`;
  const BEFORE_3 =
    "spark.executor.memoryOverhead | before 3.0 off-heap memory must fit into spark.executor.memoryOverhead; ";
  const OVERHEAD = "spark.executor.memoryOverhead";
  const FACTOR = "spark.executor.memoryOverheadFactor";
  const LEAST = "spark.executor.minMemoryOverhead";
  const KUBERNETES = "spark.kubernetes.memoryOverheadFactor";
  const PYTHON = "spark.executor.pyspark.memory";
  const PAGE = "spark.buffer.pageSize";
  const FRACTION = "spark.memory.fraction";
  const STORAGE = "spark.memory.storageFraction";
  const NO_CONTAINER = "a standalone cluster starts the heap and counts nothing else";

  test.each<[string, Raw, Target, string[]]>([
    ["an ordinary one", { "spark.executor.memory": "8g" }, {}, []],
    [
      "heap without unit",
      { "spark.executor.memory": " 8589934592 " },
      {},
      [
        "bare-executor-memory | spark.executor.memory | spark.executor.memory=8589934592 has no unit: YARN and Kubernetes read MiB, the start-up check and standalone clusters read bytes; write a unit",
      ],
    ],
    [
      "heap without unit and blanks",
      { "spark.executor.memory": "8589934592" },
      {},
      [
        "bare-executor-memory | spark.executor.memory | spark.executor.memory=8589934592 has no unit: YARN and Kubernetes read MiB, the start-up check and standalone clusters read bytes; write a unit",
      ],
    ],
    ["heap of a number and a unit", { "spark.executor.memory": "8g" }, {}, []],
    [
      "off-heap size alone",
      { "spark.memory.offHeap.size": "1g" },
      {},
      [
        "off-heap-not-enabled | spark.memory.offHeap.size | 1.0 GiB off-heap without spark.memory.offHeap.enabled: OFF_HEAP storage can use it, page-based execution stays on-heap and no container counts it",
        tooSmall("spark.memory.offHeap.size | ", 1408, "1.0 GiB"),
      ],
    ],
    [
      "off-heap size alone in 3.0",
      { "spark.memory.offHeap.size": "1m" },
      { version: "3.0" },
      [
        "off-heap-not-enabled | spark.memory.offHeap.size | 1.0 MiB off-heap without spark.memory.offHeap.enabled: OFF_HEAP storage can use it, page-based execution stays on-heap and no container counts it",
        tooSmall("spark.memory.offHeap.size | ", 1408, "1.0 MiB"),
      ],
    ],
    [
      "off-heap size alone before 3.0, less than a MiB",
      { "spark.memory.offHeap.size": "1048575" },
      { version: "2.4" },
      [
        "bare-off-heap-size | spark.memory.offHeap.size | spark.memory.offHeap.size=1048575 has no unit and is read as bytes: 1024.0 KiB; write a unit",
        "off-heap-not-enabled | spark.memory.offHeap.size | 1024.0 KiB off-heap without spark.memory.offHeap.enabled: OFF_HEAP storage can use it, page-based execution stays on-heap",
      ],
    ],
    ["off-heap", GIB_OFF_HEAP, {}, []],
    ["off-heap before 3.0", GIB_OFF_HEAP, { version: "2.4" }, [tooSmall(BEFORE_3, 1408, "1.0 GiB")]],
    [
      "off-heap before 3.0 in an overhead a MiB too small",
      { ...GIB_OFF_HEAP, [OVERHEAD]: "1407m" },
      { version: "2.4" },
      [tooSmall(BEFORE_3, 2431, "1.0 MiB")],
    ],
    ["off-heap before 3.0 in the overhead", { ...GIB_OFF_HEAP, [OVERHEAD]: "1408m" }, { version: "2.4" }, []],
    [
      "off-heap before 3.0 in the overhead, beside Python",
      { ...GIB_OFF_HEAP, [OVERHEAD]: "1408m", [PYTHON]: "1g" },
      { version: "2.4", python: true },
      [],
    ],
    [
      "off-heap that wraps at 32 bits",
      { ...GIB_OFF_HEAP, "spark.memory.offHeap.size": "5p" },
      {},
      [tooSmall("spark.memory.offHeap.size | ", 1073743232, "4.0 PiB")],
    ],
    [
      "a small overhead",
      { [OVERHEAD]: "383" },
      {},
      [
        "overhead-below-default | spark.executor.memoryOverhead | an overhead of 383 MiB is less than the 384 MiB that a heap of 1024 MiB gets by default",
      ],
    ],
    [
      "a small overhead for Python",
      { "spark.executor.memory": "10g", [OVERHEAD]: "4095" },
      { cluster: "k8s", python: true },
      [
        "overhead-below-default | spark.executor.memoryOverhead | an overhead of 4095 MiB is less than the 4096 MiB that a heap of 10240 MiB gets by default",
      ],
    ],
    ["an overhead as by default", { [OVERHEAD]: "384" }, {}, []],
    [
      "a small overhead before 3.0, without off-heap memory to hold",
      { [OVERHEAD]: "100" },
      { version: "2.4" },
      [
        "overhead-below-default | spark.executor.memoryOverhead | an overhead of 100 MiB is less than the 384 MiB that a heap of 1024 MiB gets by default",
      ],
    ],
    [
      "a small overhead beside off-heap memory from 3.0 on, which has a part of its own",
      { ...GIB_OFF_HEAP, [OVERHEAD]: "100" },
      { version: "3.0" },
      [
        "overhead-below-default | spark.executor.memoryOverhead | an overhead of 100 MiB is less than the 384 MiB that a heap of 1024 MiB gets by default",
      ],
    ],
    [
      "off-heap size alone, for Python",
      { "spark.memory.offHeap.size": "1g", [PYTHON]: "1g" },
      { python: true },
      [
        "off-heap-not-enabled | spark.memory.offHeap.size | 1.0 GiB off-heap without spark.memory.offHeap.enabled: OFF_HEAP storage can use it, page-based execution stays on-heap and no container counts it",
        tooSmall("spark.memory.offHeap.size | ", 2432, "1.0 GiB"),
      ],
    ],
    [
      "an overhead and what would make one",
      { [OVERHEAD]: "500", [FACTOR]: "0.2", [LEAST]: "1", [KUBERNETES]: "0.2" },
      {},
      [FACTOR, LEAST, KUBERNETES].map((key) => ignored(key, "spark.executor.memoryOverhead is set")),
    ],
    ["what makes an overhead", { [FACTOR]: "0.2", [LEAST]: "1" }, {}, []],
    ["Kubernetes' factor on YARN", { [KUBERNETES]: "0.2" }, {}, [ignored(KUBERNETES, "it is read on Kubernetes only")]],
    ["Kubernetes' factor on Kubernetes", { [KUBERNETES]: "0.2" }, { cluster: "k8s" }, []],
    [
      "both factors on Kubernetes",
      { [KUBERNETES]: "0.2", [FACTOR]: "0.2" },
      { cluster: "k8s" },
      [ignored(KUBERNETES, "spark.executor.memoryOverheadFactor is set")],
    ],
    [
      "what makes an overhead, without a container",
      { [OVERHEAD]: "1", [FACTOR]: "0.2", [LEAST]: "1", [KUBERNETES]: "0.2", [PYTHON]: "1g" },
      { cluster: "standalone" },
      [OVERHEAD, FACTOR, LEAST, KUBERNETES].map((key) => ignored(key, NO_CONTAINER)),
    ],
    [
      "Python memory without Python",
      { [PYTHON]: "1g" },
      {},
      [`pyspark-memory-ignored | ${PYTHON} | spark.executor.pyspark.memory is added for Python applications only`],
    ],
    ["Python memory", { [PYTHON]: "1g" }, { python: true }, []],
    ["a page size of a power of two", { [PAGE]: "8m" }, {}, [verbatim("8388608", "")]],
    ["the smallest usual page", { [PAGE]: "1m" }, {}, [verbatim("1048576", "")]],
    ["the largest usual page", { [PAGE]: "64m" }, {}, [verbatim("67108864", "")]],
    ["a page of no power of two", { [PAGE]: "3000000" }, {}, [verbatim("3000000", "; it is no power of two")]],
    ["a page of nothing", { [PAGE]: "0" }, {}, [verbatim("0", "; it is not a size")]],
    ["a page of less than nothing", { [PAGE]: "-3" }, {}, [verbatim("-3", "; it is not a size")]],
    ["a page of a byte", { [PAGE]: "1" }, {}, [verbatim("1", "; the default would lie between 1 and 64 MiB")]],
    [
      "a page larger than the pool",
      { [PAGE]: "1g" },
      {},
      [
        verbatim(
          "1073741824",
          "; the default would lie between 1 and 64 MiB; one page is larger than the execution pool of 217.2 MiB",
        ),
      ],
    ],
    [
      "a page as large as the off-heap pool",
      { ...GIB_OFF_HEAP, "spark.memory.offHeap.size": "16m", [PAGE]: "8m" },
      {},
      [verbatim("8388608", "")],
    ],
    [
      "a page larger than the off-heap pool",
      { ...GIB_OFF_HEAP, "spark.memory.offHeap.size": "16m", [PAGE]: "16m" },
      {},
      [verbatim("16777216", "; one page is larger than the execution pool of 8.0 MiB")],
    ],
    [
      "the fraction of 1.6",
      { [FRACTION]: "0.75" },
      {},
      [`fraction-unusual | ${FRACTION} | 0.75 was the default of 1.6 only; since 2.0 it is 0.6`],
    ],
    ["a fraction still usual", { [FRACTION]: "0.8" }, {}, []],
    [
      "a large fraction",
      { [FRACTION]: "0.81" },
      {},
      [
        `fraction-unusual | ${FRACTION} | execution and storage may take 81 % of the heap without reserve: little is left for user objects`,
      ],
    ],
    ["a small fraction still usual", { [FRACTION]: "0.3" }, {}, []],
    [
      "a small fraction",
      { [FRACTION]: "0.29" },
      {},
      [`fraction-unusual | ${FRACTION} | execution and storage have only 29 % of the heap without reserve`],
    ],
    [
      "no protected storage",
      { [STORAGE]: "0" },
      {},
      [`storage-fraction-unusual | ${STORAGE} | with 0 no cached block is safe from execution`],
    ],
    ["much protected storage", { [STORAGE]: "0.9" }, {}, []],
    [
      "nearly all storage protected",
      { [STORAGE]: "0.91" },
      {},
      [`storage-fraction-unusual | ${STORAGE} | with 0.91 execution can take back almost nothing from storage`],
    ],
    [
      "legacy mode",
      { "spark.memory.useLegacyMode": "true" },
      { version: "2.4" },
      [
        "static-manager | spark.memory.useLegacyMode | legacy mode: execution and storage never borrow from each other, nothing is reserved, unrolling has 110.6 MiB at most, off-heap storage is refused",
      ],
    ],
    [
      "legacy mode and keys of the other",
      {
        "spark.memory.useLegacyMode": "true",
        [FRACTION]: "0.1",
        [STORAGE]: "0",
        "spark.testing.reservedMemory": "5",
      },
      { version: "2.4" },
      [
        "static-manager | spark.memory.useLegacyMode | legacy mode: execution and storage never borrow from each other, nothing is reserved, unrolling has 110.6 MiB at most, off-heap storage is refused",
        "unified-key-ignored | spark.memory.fraction | spark.memory.fraction is not read in legacy mode",
        "unified-key-ignored | spark.testing.reservedMemory | spark.testing.reservedMemory is not read in legacy mode",
      ],
    ],
  ])("%s", (_what, raw, target, notices) => expect(aboutLayout(raw, target)).toEqual(notices));
});

test("where there is no container, or none that counts, its keys are not used", () => {
  const conf = readConf({ "spark.executor.memoryOverhead": "100" }, "4.1");
  const layout = memoryLayout(conf, { cores: 4, collector: "G1" });
  const container = containerLayout(conf, { cluster: "yarn", python: false });
  for (const target of [
    { cluster: "standalone", python: false, container },
    { cluster: "yarn", python: false, container: null },
  ] as const)
    expect(layoutNotices(conf, layout, target).map(({ code }) => code)).toEqual(["overhead-key-ignored"]);
});
