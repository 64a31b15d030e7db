/** A dead-man that is shorter than what the commit's health checks may take (51: openshift/enhancements#1306). */
import { expect, it } from "vitest";
import { judgeSeconds } from "../../../../../provider/image/recipe/health.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { refuseShortDeadman } from "../../../../../provider/resources/hijack/plan/plan-for.ts";

const base = { connection: { host: "192.0.2.7" }, commit: "c".repeat(64) };
const updates = { url: "http://192.0.2.9/pine" };
const of = (...timeouts: number[]) => judgeSeconds(timeouts.map((timeout) => ({ timeout })));

it("is the boot, and all checks twice with a pause between", () => {
  expect([of(), of(10), of(60, 5)]).toEqual([90, 90 + 2 * 12, 90 + 2 * (62 + 7)]);
});

it.each<[string, object, number | undefined, RegExp | undefined]>([
  [
    "a server that pulls, and long checks",
    { updates, trialTimeout: 100 },
    of(10),
    /^trialTimeout: is 100 s, .* may need 114 s/,
  ],
  ["as long as the dead-man", { updates, trialTimeout: 114 }, of(10), /^trialTimeout: is 114 s/],
  ["shorter ones", { updates, trialTimeout: 115 }, of(10), undefined],
  ["the usual dead-man", { updates }, of(10, 10, 10), undefined],
  ["a server that `up` judges", { trialTimeout: 60 }, of(120, 120), undefined],
  ["a commit that is not built yet", { updates, trialTimeout: 60 }, undefined, undefined],
])("%s", (_, more, seconds, message) => {
  const check = () =>
    refuseShortDeadman(
      { inputs: hijackInputs({ ...base, ...more }) },
      { arch: "x86_64", about: false, judgeSeconds: seconds },
    );
  if (message) expect(check).toThrow(message);
  else check();
});
