/** The plan of an installation, and the keys that go with it. */
import { describe, expect, it } from "vitest";
import { slotsOf } from "../../../../provider/host/plan/boot.ts";
import { admits, keptKeys } from "../../../../provider/host/plan/keys.ts";
import { finalizedOf } from "../../../../provider/host/server/record.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs, key } from "../plan/tools.ts";

describe("the plan", () => {
  const { plan } = planInstall(facts(), inputs, image);
  it("is one line", () => {
    expect(plan!.summary).toMatch(
      /^alongside Debian 12 on vda2 \(ext4, 3\.\d GB free\): send 83 MB, 1 reboot; keeps 10\.0\.2\.15\/24 via 10\.0\.2\.2, 3 host keys, 1 key of root; destroy restores Debian 12$/,
    );
  });
  it("names the disk by its table, the filesystem by its UUID", () => {
    expect(plan!.disk).toMatchObject({
      device: "/dev/vda",
      partition: 2,
      ptuuid: "92b3d58c-252d-8444-8818-a4f72a377994",
    });
    expect(plan!.disk.rootUuid).toBe("7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11");
  });
  it("erases nothing, restores, and is honest about the watchdog", () => {
    expect([plan!.erases, plan!.restore, plan!.deadman, plan!.boots]).toEqual([[], "Debian 12 (bookworm)", 300, 1]);
    expect(plan!.lines.join("\n")).toContain("no hardware watchdog");
    expect(plan!.consoles).toEqual(["tty0", "ttyS0,115200"]);
  });
  it("marks estimates", () => {
    const { plan: p } = planInstall(facts(), inputs, { ...image, about: true });
    expect(p!.summary).toContain("send about 83 MB");
  });
  it("says when destroy restores nothing", () => {
    const { plan: p } = planInstall(facts(), { ...inputs, onDestroy: "retain" }, image);
    expect([p!.restore, /destroy leaves the server as it is$/.test(p!.summary)]).toEqual([undefined, true]);
  });
  it("says what finalize takes, and that nothing is restored then", () => {
    const { plan: p } = planInstall(facts(), { ...inputs, finalize: true }, image);
    expect(p!.restore).toBeUndefined();
    expect(p!.summary).toMatch(/; then removes Debian 12 for good; destroy leaves the server as it is$/);
    expect(p!.lines.join("\n")).toMatch(
      /^erases: Debian 12 on \/dev\/vda2 \(\d+ MB used\), once the new system is confirmed$/m,
    );
  });
  it("drops DSA host keys", () => {
    const { plan: p } = planInstall(
      facts((f) => f.hostKeys.push("ssh-dss AAAAB3 root@old")),
      inputs,
      image,
    );
    expect(p!.hostKeys).toHaveLength(3);
  });
});

describe("a server that has Pine", () => {
  const install = { id: "i1", stack: "demo/dev", old: "Debian 12 (bookworm)" };
  const runs = facts((f) => {
    f.pine = { ...f.pine, install, deployment: "0123.0", runningSlot: "a" };
    f.os = { id: "alpine", idLike: [], name: "Alpine Linux v3.23", versionId: "3.23.6" };
    f.grub = undefined;
  });
  it.each([
    [
      "half",
      facts((f) => {
        f.pine.install = install;
        f.pine.leftovers = ["/ostree"];
      }),
      undefined,
    ],
    ["ours", runs, "i1"],
    ["adopt", runs, undefined],
  ])("%s", (existing, f, installationId) => {
    const { plan } = planInstall(f, { ...inputs, installationId }, image);
    expect([plan!.existing, plan!.restore]).toEqual([existing, "Debian 12 (bookworm)"]);
  });
  it.each(["begun", "1"])("restores nothing once finalize is %s", (state) => {
    const given = facts((f) => {
      f.pine = { ...runs.pine, install: { ...install, finalized: state } };
    });
    const { plan } = planInstall(given, { ...inputs, installationId: "i1" }, image);
    expect([plan!.restore, plan!.erases, finalizedOf(given.pine.install)]).toEqual([
      undefined,
      [],
      state === "1" ? "done" : "begun",
    ]);
  });
  it("knows where its slots are", () => {
    expect(slotsOf(runs)).toBeUndefined();
    const elsewhere = facts((f) => void f.cmdline.push("pine.dir=vfat:UUID=5AFE-0EF1:/EFI/pine"));
    expect(slotsOf(elsewhere)).toEqual({ type: "vfat", uuid: "5AFE-0EF1", path: "/EFI/pine" });
  });
  it("is ours by its id even when the stack was renamed", () => {
    expect(codes(runs, { stack: "renamed/dev", installationId: "i1" })).toEqual([]);
    expect(codes(runs, { stack: "renamed/dev", installationId: "i2" })).toEqual(["pine-other-stack"]);
  });
});

describe("keys of root", () => {
  const [type, blob] = key.split(" ");
  const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYiSYlz3oe28c4sVNMRNCemi45hmkQ78fKmzOeWGjly";
  const forced = `no-port-forwarding,command="echo 'Please login as the user \\"debian\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" ${type} ${blob}`;
  it.each<[string, string[], string[], string[], string[]]>([
    ["root's own", [key], [], [], [key]],
    ["cloud-init's forced line makes room for the login's", [forced], [key], [], [key]],
    ["cloud-init's forced line alone is no key", [forced], [], [other], [other]],
    ["each once, the freer line", [`from="10.0.0.1" ${key}`], [key], [], [key]],
    ["other forced commands stay", [`command="backup" ${other}`], [key], [], [`command="backup" ${other}`, key]],
    ["DSA and damage go", ["ssh-dss AAAAB3NzaC1kc3M= x", "ssh-ed25519 AAAA", key], [], [], [key]],
    ["asked-for keys are added", [key], [], [`${other} laptop`], [key, `${other} laptop`]],
  ])("%s", (_, root, login, wanted, expected) => expect(keptKeys(root, login, wanted).lines).toEqual(expected));

  it("a forced command is no way in", () => {
    expect(admits([`command="backup" ${key}`], [key])).toBe(false);
    expect(admits([`from="10.0.0.0/8" ${key}`], [`${type} ${blob} elsewhere`])).toBe(true);
  });
});
