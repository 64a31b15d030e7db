/** What is red on a server already is told before an update, in preview and in `up` (55: systemd/systemd#9437). */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { factLines } from "../../../../../provider/host/facts/lines.ts";
import { parsePine } from "../../../../../provider/host/facts/pine.ts";
import type { Plan } from "../../../../../provider/host/plan/types.ts";
import { factsScript } from "../../../../../provider/host/scripts.ts";
import type { AgentStatus } from "../../../../../provider/host/server/agent.ts";
import type { Ssh } from "../../../../../provider/host/ssh/types.ts";
import type { Call } from "../../../../../provider/resource.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { planUpdate } from "../../../../../provider/resources/hijack/plan/update.ts";
import { quietTask } from "../../../../../provider/task.ts";
import { facts, image } from "../../../host/ways/overwrite/tools.ts";

const [old, next] = ["d".repeat(64), "c".repeat(64)];
const HEALTH = `checked=2026-12-01T01:00:00Z uptime=60 ran=3 of=3 result=red
db red 0.12 the service is crashed
room warn 0.01 3 MiB are free, expected 99
web ok 0.20`;

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  it("the facts have the checks that were red at the last look, and no others", () => {
    const script = factsScript().replace(/\nidentity\n[\s\S]*$/, "\npine\n");
    const within = `mount -t tmpfs tmpfs /run && cat >/run/pine.health <<'END'\n${HEALTH}\nEND\nexec ${shell.join(" ")} -s nobody`;
    const stdout = execFileSync("unshare", ["-rm", "sh", "-c", within], { input: script, encoding: "utf8" });
    expect(parsePine(factLines(stdout), []).red).toEqual(["db: the service is crashed"]);
  });
});

it.each<[string, string, string[] | undefined, RegExp[]]>([
  [
    "an update",
    next,
    ["db: the service is crashed"],
    [/^this server's health check is red before the update: db: the/],
  ],
  ["an update where all is well", next, undefined, []],
  ["no update", old, ["db: the service is crashed"], []],
])("%s", async (_, commit, red, notes) => {
  const seen = facts();
  const status = { running: "a", slot: "a", checksum: old } as AgentStatus;
  const exec = () => Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
  const ssh = { exec, close: async () => {}, run: exec, script: exec } as unknown as Ssh;
  const inputs = hijackInputs({ connection: { host: "192.0.2.7" }, commit });
  const call = { ...quietTask(), stack: "demo/dev" } as unknown as Call;
  const known = { ...seen, pine: { ...seen.pine, install: { id: "i1", stack: "demo/dev" }, ...(red ? { red } : {}) } };
  const plan = { steps: [], lines: [], authorizedKeys: [] } as unknown as Plan;
  const wish = { inputs, id: "i1", state: { installationId: "i1" } };
  const told = await planUpdate({ ssh, facts: known, status, image }, plan, wish, undefined, call);
  const said = (told.notes ?? []).filter((note) => note.includes("red"));
  expect(said).toEqual(notes.map((note) => expect.stringMatching(note)));
});
