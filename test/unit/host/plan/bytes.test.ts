/** What a plan says of the bytes that are sent. */
import { expect, it } from "vitest";
import { sends } from "../../../../provider/host/plan/words.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { packedRange } from "../../../../provider/resources/estimates.ts";
import { facts, image, inputs } from "./tools.ts";

// bytes of the files, what was sent of them: seen in the lab
it.each([
  [80.6e6, 59e6, "gzip"],
  [72.8e6, 50e6, "gzip"],
  [142e6, 82.6e6, "zstd"],
  [142e6, 60e6, "zstd"],
] as const)("of %d bytes %d were sent as %s: within what is said", (unpacked, sent, compression) => {
  const [least, most] = packedRange(unpacked, compression);
  expect(least).toBeLessThan(sent);
  expect(most).toBeGreaterThan(sent);
});

it.each([
  [{ sendBytes: 59e6, about: false }, "send 59 MB"],
  [{ sendBytes: 50e6, sendRange: [32e6, 68e6], about: true }, "send 32 to 68 MB"],
  [{ sendBytes: 5e8, sendRange: [9e8, 12e8], about: true }, "send 900 MB to 1.2 GB"],
  [{ about: true }, "send the system"],
] as const)("%j is %s", (plan, text) => expect(sends(plan as Parameters<typeof sends>[0])).toBe(text));

it("what is packed is told exactly, what is not as a range", () => {
  const summary = (more: object) => planInstall(facts(), inputs, { ...image, ...more }).plan!.summary;
  expect(summary({})).toContain("send 83 MB,");
  expect(summary({ about: true, sysrootRange: [50e6, 106e6] })).toContain("send 50 to 106 MB,");
});
