/** The machine that a rehearsal gets of a server, and what each answer does to the run. */
import { describe, expect, it } from "vitest";
import { planInstall } from "../../../../../provider/host/ways/plan.ts";
import { addressesOf } from "../../../../../provider/rehearsal/guest.ts";
import { cannotTell, type Rehearsal } from "../../../../../provider/rehearsal/rehearse.ts";
import type { Config } from "../../../../../provider/resource.ts";
import type { Job } from "../../../../../provider/resources/hijack/act/job.ts";
import { guestOf, rehearseFirst } from "../../../../../provider/resources/hijack/act/rehearse.ts";
import type { Visit } from "../../../../../provider/resources/hijack/act/visit.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { testCall } from "../../../../e2e/life.ts";
import { facts, image, inputs } from "../../../host/plan/tools.ts";

const commit = "c".repeat(64);
const files = [{ path: "/etc/token", content: "hush", mode: "0600", owner: "root:root" }];
const wish = (rehearse: object = {}) => ({
  inputs: hijackInputs({ commit, kernelArguments: ["nosmt"], triggers: [7], rehearse, files: {} }),
  id: "i",
});
const seen = (ramKiB = facts().ramKiB) => {
  const on = facts((f) => Object.assign(f, { ramKiB }));
  const network = { static: { addresses: ["203.0.113.7/24"] } };
  return { facts: on, plan: planInstall(on, { ...inputs, hostname: "web-1", network }, image).plan! };
};
const job = (rehearse?: object) => ({ wish: wish(rehearse), files });

describe("the machine", () => {
  it("has the server's names, keys, network and ports, and the program's files and arguments", () => {
    const guest = guestOf(seen(), job());
    expect(guest.identity.map((f) => f.path)).toEqual([
      "/etc/hostname",
      "/etc/hosts",
      "/etc/network/interfaces",
      "/etc/mactab",
      "/etc/resolv.conf",
      "/root/.ssh/authorized_keys",
    ]);
    expect(guest.identity[0]!.content).toBe("web-1\n");
    expect(addressesOf(guest.network.interfaces)).toEqual([{ card: "eth0", address: "203.0.113.7" }]);
    expect(guest).toMatchObject({
      files,
      sshPorts: [22],
      kernelArguments: ["nosmt"],
      leaveOut: [],
      again: [[7], null],
    });
    expect(guestOf(seen(), job({ timeout: 600 })).again).toEqual([[7], 600]);
  });
  it.each<[string, number, object, number]>([
    ["of a small server", 200 * 1024, {}, 200],
    ["of a large one", 64 * 1024 * 1024, {}, 1024],
    ["that the program gives", 64 * 1024 * 1024, { memory: 2048 }, 2048],
  ])("has the memory %s", (_, ramKiB, rehearse, memory) =>
    expect(guestOf(seen(ramKiB), job(rehearse)).memory).toBe(memory),
  );
});

describe("the answer", () => {
  const answered = async (result: Rehearsal, required = false) => {
    const call = testCall({} as Config);
    const visit = { ...seen(), artifacts: { rehearse: async () => result } } as unknown as Visit;
    const error = await rehearseFirst(visit, { do: "rehearse", required }, { ...job(), call } as unknown as Job).then(
      () => undefined,
      (e: Error) => e.message,
    );
    return { error, ...call.said };
  };
  const bad: Rehearsal = {
    answer: "fail",
    reasons: ["health check db: no connection", "SSH: nothing answers on port 22"],
    notes: ["the service db does not run"],
    console: ["one", "two"],
    how: "in 60 s",
  };
  it("pass is told", async () =>
    expect(await answered({ ...bad, answer: "pass", reasons: [], console: [] })).toMatchObject({
      error: undefined,
      infos: ["rehearsal: commit cccccccccccc came up and is healthy (in 60 s)"],
      warnings: ["rehearsal of commit cccccccccccc: the service db does not run"],
    }));
  it("fail ends the run, with what failed and the console", async () =>
    expect((await answered(bad)).error).toMatch(
      /^the rehearsal of commit c{12} failed \(in 60 s\), so nothing was changed on the server:\n- health check db: no connection\n- SSH: nothing answers on port 22\nthe last lines of its console:\n {2}one\n {2}two\n; mend the commit; .*rehearse\.leaveOut.*`triggers`/,
    ));
  it("unknown is a warning, and ends the run only where it is required", async () => {
    const unknown = cannotTell("too little memory");
    const { error, warnings } = await answered(unknown);
    expect([error, warnings]).toEqual([
      undefined,
      [
        "the rehearsal of commit cccccccccccc could not tell whether it works (nothing was booted):\n- too little memory",
      ],
    ]);
    expect((await answered(unknown, true)).error).toMatch(
      /^the rehearsal of commit c{12} could not tell .*, and rehearse\.required is set .*nothing was changed on the server:\n- too little memory; see to/,
    );
  });
});
