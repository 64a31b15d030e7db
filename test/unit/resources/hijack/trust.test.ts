/**
 * Every way to a new system asks the server first whether it wants what is signed so (trust.sh): where that says no,
 * nothing of the server is changed and nothing is sent. The server is a list of what it was asked; its scripts run in
 * host/root-scripts.test.ts.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PassThrough } from "node:stream";
import { afterAll, beforeEach, expect, it, vi } from "vitest";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import { agentScript, etcChangesScript, lockScript, trustScript } from "../../../../provider/host/scripts.ts";
import type { AgentStatus } from "../../../../provider/host/server/agent.ts";
import type { ExecOptions, Ssh } from "../../../../provider/host/ssh/types.ts";
import type { Call } from "../../../../provider/resource.ts";
import { carryOut } from "../../../../provider/resources/hijack/act/carry-out.ts";
import type { Job } from "../../../../provider/resources/hijack/act/job.ts";
import { hijackInputs } from "../../../../provider/resources/hijack/model/inputs.ts";
import type { Wish } from "../../../../provider/resources/hijack/model/wish.ts";
import type { CommitArtifacts } from "../../../../provider/resources/hijack/plan/artifacts.ts";
import { quietTask } from "../../../../provider/task.ts";
import { facts, image } from "../../host/ways/overwrite/tools.ts";

let known: Facts;
vi.mock("../../../../provider/host/facts/facts.ts", async (original) => ({
  ...(await original<object>()),
  readFacts: async () => known,
}));

const work = mkdtempSync(join(tmpdir(), "pine-hijack-trust-"));
afterAll(() => rmSync(work, { recursive: true }));
execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(work, "key")]);
const commit = "c".repeat(64);
const runs = "d".repeat(64);
const inputs = (method: string) =>
  hijackInputs({
    connection: { host: "192.0.2.7", privateKey: readFileSync(join(work, "key"), "utf8") },
    authorizedKeys: [readFileSync(join(work, "key.pub"), "utf8").trim()],
    commit,
    method,
    ...(method === "overwrite" ? { overwrite: { erase: true, image: "e".repeat(64) } } : {}),
  });
const call = {
  ...quietTask(),
  urn: "urn:pulumi:dev::demo::pine:index:HostHijack::web",
  name: "web",
  stack: "demo/dev",
  config: { cache: work },
} as unknown as Call;

const SIGNED = { text: "the manifest", signatures: ["s"] } as never;
const artifacts = {
  signed: SIGNED,
  imageFacts: async () => image,
  sysroot: async () => ({ checksum: commit, deployment: `${commit}.0`, size: 1 }),
  diskImage: async () => ({ sha256: "e".repeat(64) }),
  ram: async () => ({ size: 1 }),
  knownDelta: () => undefined,
  etcSince: async () => undefined,
  delta: async () => ({ size: 1 }),
} as unknown as CommitArtifacts;

let asked: string[];
const STATUS = `running=a\nslot=a\nchecksum=${runs}\nboot_id=1\n`;
const REFUSED = "pine: the commit is not signed by a key that this server trusts";
const MEANS = [
  [lockScript(), "lock"],
  [trustScript(), "trust"],
  [agentScript(), "agent"],
  [etcChangesScript(), "etc"],
] as const;
/** Answers what reads, refuses the signature, and fails at whatever else comes. */
const ssh = {
  target: "root@192.0.2.7:22",
  user: "root",
  uid: 0,
  rootWay: "root",
  bootId: "1",
  hostKeySeen: facts().hostKeys[2]!.split(" ").slice(0, 2).join(" "),
  close: async () => {},
  exec: async (script: string, args: string[], o: ExecOptions = {}) => {
    const what = MEANS.find(([text]) => script.endsWith(text))?.[1] ?? "another script";
    asked.push(what === "lock" || what === "etc" ? what : `${what} ${args[0]}`);
    if (what === "etc") return { stdout: "total=0\n", stderr: "", exitCode: 0 };
    if (what === "trust") throw new Error(REFUSED);
    if (asked.at(-1) === "agent status") return { stdout: STATUS, stderr: "", exitCode: 0 };
    if (what !== "lock") throw new Error(`the server was changed: ${args.join(" ")}`);
    o.onLine?.("locked", "stdout");
    await new Promise((done) => (o.input as PassThrough).on("end", done).resume());
    return { stdout: "", stderr: "", exitCode: 0 };
  },
  upload: () => Promise.reject(new Error("something was sent")),
} as unknown as Ssh;
beforeEach(() => {
  asked = [];
});

const status = { running: "a", slot: "a", checksum: runs, bootId: "1" } as AgentStatus;
const ofPine = () =>
  facts((f) => {
    const install = { id: "i1", stack: "demo/dev", urn: call.urn, method: "alongside", old: "Debian" };
    f.pine = { ...f.pine, install, deployment: `${runs}.0`, runningSlot: "a" };
  });
const job = (wish: Partial<Wish> & Pick<Wish, "inputs">): Job => ({
  call,
  wish: { id: "i1", ...wish },
  known: artifacts,
  files: [],
  created: "",
  made: {},
  entered: false,
  touched: false,
  outcome: { sent: 0 },
});

it.each<[string, Facts, string, AgentStatus | undefined]>([
  ["an installation beside the old system", facts(), "alongside", undefined],
  ["an overwrite", facts(), "overwrite", undefined],
  ["an update", ofPine(), "auto", status],
])("%s", async (_, there, method, runs) => {
  known = there;
  const of = job({ inputs: inputs(method), state: runs && { installationId: "i1" } });
  await expect(carryOut({ ssh, facts: known, status: runs }, of)).rejects.toThrow(REFUSED);
  expect(asked).toEqual(["lock", ...(runs ? ["agent status", "etc"] : []), "trust check"]);
  expect(of.touched).toBe(false);
});

it("an update that would take the connection's own key from root is refused before", async () => {
  const key = readFileSync(join(work, "key.pub"), "utf8").trim();
  known = ofPine();
  known.authorizedKeys.root.push(key);
  const [before, other] = [inputs("auto"), facts().authorizedKeys.root[0]!];
  const of = job({ inputs: { ...before, authorizedKeys: [other] }, before, state: { installationId: "i1" } });
  await expect(carryOut({ ssh, facts: known, status }, of)).rejects.toThrow(
    /authorizedKeys would lock this connection out; keep the key of `connection` in it/,
  );
  expect(asked).toEqual(["lock", "agent status"]);
});
