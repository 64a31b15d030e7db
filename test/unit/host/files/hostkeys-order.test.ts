/**
 * A server is armed for a system, or its disk finished, only after that system has the host keys. What is sent is
 * recorded, nothing is run.
 */
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import type { Plan } from "../../../../provider/host/plan/types.ts";
import { hostKeysScript } from "../../../../provider/host/scripts.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { installAlongside } from "../../../../provider/host/ways/alongside/install.ts";
import { finishDisk } from "../../../../provider/host/ways/overwrite/write.ts";
import { prepareUpdate } from "../../../../provider/host/ways/update/update.ts";
import { quietTask } from "../../../../provider/task.ts";

const checksum = "c".repeat(64);
const deployment = `${checksum}.0`;
const slot = `set pine_title="Pine"\nset pine_uuid="u"\nset pine_linux="/l"\nset pine_initrd="/i"\nset pine_options="ostree=/o"\n`;

/** A server that answers what the steps read; with `refuse`, its host keys cannot be kept. */
function recording(refuse: boolean) {
  const sent: string[] = [];
  const exec = async (script: string, args: string[] = []) => {
    const keys = script === hostKeysScript();
    sent.push(keys ? `hostkeys ${args.join(" ")}` : args[0]!);
    if (keys && refuse) throw new Error("was converted into another key");
    const answers: Record<string, string> = { deploy: `slot=b\ndeployment=${deployment}\n`, slot, part: "0\n" };
    return { exitCode: 0, stdout: keys ? "3\n" : (answers[args[0]!] ?? ""), stderr: "" };
  };
  const upload = (_: unknown, script: string, args: string[] = []) => exec(script, args);
  return { sent, ssh: { exec, upload } as unknown as Ssh };
}

const kept = { hostKeyFiles: [{ path: "/etc/ssh/keys/web1", key: "ssh-ed25519 AAAA" }], sshPorts: [2222] };
const key = "2222 /etc/ssh/keys/web1 ssh-ed25519 AAAA";
const plan = {
  ...kept,
  method: "alongside",
  consoles: [],
  swap: [],
  deadman: 300,
  boot: {},
  disk: { rootUuid: "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11", rootType: "ext4" },
  overwrite: { disk: {}, data: [] },
} as unknown as Plan;
const record = { id: "i", stack: "s", urn: "u", created: "2026-11-28", old: "Debian" };
const common = { plan, files: [], kernelArguments: [] };
const update = (fresh: boolean) => (ssh: Ssh) =>
  prepareUpdate(ssh, { checksum, etc: [], fresh, login: kept }, quietTask());
const ways: [string, (ssh: Ssh) => Promise<unknown>, string, string[]][] = [
  ["an update", update(false), `/sysroot/ostree/deploy/pine/deploy/${deployment} some ${key}`, ["arm"]],
  ["an update with /etc anew", update(true), `/sysroot/ostree/deploy/pine/deploy/${deployment} some ${key}`, ["arm"]],
  [
    "an installation beside the old system",
    (ssh) => {
      const paths = { kernel: "/boot/ostree/k", initrd: "/boot/ostree/i", compression: "gzip" as const };
      const file = { path: import.meta.filename, size: 1, sha256: checksum };
      const sysroot = { checksum, deployment, ...paths, ...file };
      return installAlongside(ssh, { ...common, sysroot, record }, quietTask());
    },
    `/ostree/deploy/pine/deploy/${deployment} none ${key}`,
    ["boot", "grub", "arm"],
  ],
  [
    "an image on the disk",
    (ssh) => {
      const image = {
        deployment,
        rootStart: 1,
        rootType: "ext4",
        sha256: "",
        diskSize: 1,
        digests: [],
        block: 1,
        identity: "",
      };
      return finishDisk(ssh, { ...common, image: { ...image, open: () => Readable.from([]) }, id: "i" }, quietTask());
    },
    // the RAM system has the keys in files of its own
    `/ostree/deploy/pine/deploy/${deployment} some 2222`,
    ["boot", "record", "finish"],
  ],
];

it.each(ways)("%s", async (_, run, folder, later) => {
  const good = recording(false);
  await run(good.ssh);
  const at = good.sent.indexOf(`hostkeys ${folder}`);
  expect(at).toBeGreaterThan(0);
  for (const step of later) expect(good.sent.indexOf(step), step).toBeGreaterThan(at);
  const bad = recording(true);
  await expect(run(bad.ssh)).rejects.toThrow("another key");
  expect(bad.sent).toEqual(good.sent.slice(0, at + 1));
});
