import { expect, test } from "vitest";
import { kindsOf } from "../../conformance/questions.js";
import { sparkVersion } from "../../conformance/versions.js";

test.each([
  ["2.4.0", "2.12"],
  ["2.4.8", "2.12"],
  ["3.3.4", "2.13"],
  ["3.4.4", "2.13"],
  ["3.5.7", "2.13"],
  ["4.0.1", "2.13"],
  ["4.1.1", "2.13"],
])("Spark %s can be asked", (version, scala) => {
  expect(sparkVersion(version)).toMatchObject({ version, scala });
});

test.each([
  ["1.6.3", "before 2.4"],
  ["2.3.4", "before 2.4"],
  ["3.0.3", "neither"],
  ["3.2.4", "neither"],
  ["2.5.0", "no such release"],
  ["3.6.0", "no such release"],
  ["4.2.0", "newer"],
  ["5.0.0", "newer"],
  ["3.5", "all three numbers"],
  ["latest", "all three numbers"],
  ["3.5.7-SNAPSHOT", "all three numbers"],
])("Spark %s is refused, with the reason and what is known", (version, reason) => {
  expect(() => sparkVersion(version)).toThrow(reason);
  expect(() => sparkVersion(version)).toThrow("2.4.x, 3.3.x");
});

test("a profile is asked of the Sparks that have what it is about", () => {
  const names = (version: string): string[] => kindsOf(sparkVersion(version), []).map(([name]) => name);
  expect(names("2.4.8")).toContain("static");
  expect(names("3.5.7")).not.toContain("static");
  expect(names("4.0.1")).not.toContain("unmanaged");
  expect(names("4.1.1")).toContain("unmanaged");
  expect(() => kindsOf(sparkVersion("3.5.7"), ["static"])).toThrow("in Spark 2.4 alone");
  expect(() => kindsOf(sparkVersion("3.5.7"), ["nothing"])).toThrow('no profile "nothing": there are execution');
});
