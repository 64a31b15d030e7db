/**
 * A hold that a person made while `up` was at work: sending takes minutes, and a turn may be waited for an hour. The
 * server is made up; what it is asked is recorded.
 */
import { expect, it } from "vitest";
import type { Ssh } from "../../../../../provider/host/ssh/types.ts";
import type { Call } from "../../../../../provider/resource.ts";
import type { Job } from "../../../../../provider/resources/hijack/act/job.ts";
import { prepareDeployment } from "../../../../../provider/resources/hijack/act/update.ts";
import type { Visit } from "../../../../../provider/resources/hijack/act/visit.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { quietTask } from "../../../../../provider/task.ts";
import { facts } from "../../../host/ways/overwrite/tools.ts";

const checksum = "c".repeat(64);
const rebootLock = { group: "web", slots: 1, etcd: { address: "http://192.0.2.9:2379" } };
const inputs = hijackInputs({ connection: { host: "192.0.2.7" }, commit: checksum, rebootLock });

/** Prepares an update on a server whose agent says this of a hold; answers what was asked, and how it ended. */
async function prepared(held: string) {
  const asked: string[] = [];
  const answers: Record<string, string> = { deploy: `slot=b\ndeployment=${checksum}.0\n`, held };
  const exec = async (_: string, args: string[] = []) => {
    asked.push(args[0]!);
    return { exitCode: 0, stdout: answers[args[0]!] ?? "0", stderr: "" };
  };
  const call = { ...quietTask(), stack: "demo/dev" } as unknown as Call;
  const job = { call, wish: { inputs, id: "i" }, files: [], made: {}, outcome: {} } as unknown as Job;
  const plan = { hostname: "web-1", network: { mode: "dhcp", hosts: [] }, hostKeyFiles: [], sshPorts: [22] };
  const server = facts();
  server.pine.options = ["pine.slot=a", `ostree=/ostree/deploy/pine/deploy/${"a".repeat(64)}.0`];
  const visit = { ssh: { exec } as unknown as Ssh, facts: server, plan, artifacts: {} } as unknown as Visit;
  const step = { do: "update", from: "a".repeat(64), to: checksum, fresh: false, changed: false };
  const error = await prepareDeployment(visit, step as never, job).catch((e) => e);
  return { asked, error };
}

it("nobody holds it: its turn is taken, and then it is armed", async () => {
  const { asked, error } = await prepared("");
  expect(error).toBeUndefined();
  expect(asked.slice(-4)).toEqual(["take", "check", "held", "arm"]);
});

it.each([
  [
    "held=1\nsince=2026-11-30T12:00:00Z\nby=anna\nreason=backup = until Monday\n",
    /^the server is held since \S+Z by anna: backup = until Monday; run `pine unhold`/,
  ],
  ["held=1\n", /^the server is held; run `pine unhold`/],
])("held meanwhile: it is not armed, and its turn is free (40: zincati#1160): %j", async (said, message) => {
  const { asked, error } = await prepared(said);
  expect(error.message).toMatch(message);
  expect(asked.slice(-2)).toEqual(["held", "release"]);
  expect(asked).not.toContain("arm");
});
