/**
 * What starts a server: evidence out of the facts script, run over a /boot of ours, and what is refused because of it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseGrub } from "../../../../provider/host/facts/boot.ts";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { carriedHostname } from "../../../../provider/host/files/identity.ts";
import type { ImageFacts, PlanInputs } from "../../../../provider/host/plan/types.ts";
import { factsScript } from "../../../../provider/host/scripts.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { image, inputs } from "../plan/tools.ts";

const lab = readFileSync(join(import.meta.dirname, "../../fixtures/facts/debian-12-lab.txt"), "utf8");
/** The lab's Debian without the lines of some keys, and with others. */
const server = (without: string[], lines: string[] = []) =>
  parseFacts([...lab.split("\n").filter((l) => !without.some((k) => l.startsWith(`${k}=`))), ...lines].join("\n"));
const planned = (f: ReturnType<typeof server>, i: Partial<PlanInputs> = {}, m: Partial<ImageFacts> = {}) =>
  planInstall(f, { ...inputs, ...i }, { ...image, ...m });
const over: [Partial<PlanInputs>, Partial<ImageFacts>] = [
  { method: "overwrite", erase: true },
  { disk: { commit: "c".repeat(64), bytes: 2 ** 30, packedBytes: 1 }, commit: "c".repeat(64) },
];
const codes = (
  f: ReturnType<typeof server>,
  ...more: Parameters<typeof planned> extends [unknown, ...infer R] ? R : never
) => planned(f, ...more).refusals.map((r) => r.code);

const scratch = mkdtempSync(join(tmpdir(), "pine-boot-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("GRUB's configuration, read by the script", () => {
  const sources = "if [ -f ${config_directory}/custom.cfg ]; then\n source ${config_directory}/custom.cfg\nfi\n";
  let n = 0;
  /** With these files as /boot; "->": a link. */
  const grub = (files: Record<string, string>) => {
    const boot = join(scratch, String(n++));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(boot, path)), { recursive: true });
      if (text.startsWith("->")) symlinkSync(text.slice(2), join(boot, path));
      else writeFileSync(join(boot, path), text);
    }
    const enter = 'mount --bind "$0" /boot && exec dash -s';
    const text = execFileSync("unshare", ["-rm", "sh", "-c", enter, boot], { input: factsScript(), encoding: "utf8" });
    return { ...parseGrub(factLines(text)), loader: factLines(text).get("boot.loader") };
  };
  const cfg = "grub/grub.cfg";
  it("a password, signatures, and what waits at every boot", () => {
    const entry = "menuentry 'Other' {\n cryptomount -u 12\n read x\n}\n";
    expect(grub({ [cfg]: `set timeout=2\n${entry}${sources}` })).toMatchObject({
      folder: "/boot/grub",
      sourcesCustom: true,
      password: false,
      signed: false,
      waits: [],
      after: [],
      loader: undefined,
    });
    const asks = `set superusers="admin"\npassword_pbkdf2 admin grub.pbkdf2.sha512.1\ncryptomount -u 12\n${entry}${sources}`;
    expect(grub({ [cfg]: asks })).toMatchObject({ password: true, waits: ["cryptomount -u 12"] });
    expect(grub({ [cfg]: `set check_signatures=enforce\n${sources}` })).toMatchObject({ signed: true });
    expect(grub({ [cfg]: sources, "grub/grub.cfg.sig": "x" })).toMatchObject({ signed: true });
  });
  it("what is set after ours", () => {
    const after = "menuentry x {\n set default=1\n}\nset timeout=-1\nset color=blue\n";
    expect(grub({ [cfg]: `set default=0\n${sources}${after}` }).after).toEqual(["set timeout=-1"]);
  });
  it("which of two folders is read", () => {
    const two = (...paths: string[]) =>
      grub(Object.fromEntries(["grub/grub.cfg", "grub2/grub.cfg", ...paths].map((p) => [p, sources])));
    expect(two("grub2/i386-pc/normal.mod")).toMatchObject({ folder: "/boot/grub2", otherFolder: undefined });
    expect(two("grub2/i386-pc/normal.mod", "grub/i386-pc/normal.mod")).toMatchObject({ otherFolder: "/boot/grub2" });
    expect(grub({ [cfg]: sources, grub2: "->grub" })).toMatchObject({ folder: "/boot/grub", otherFolder: undefined });
    expect(grub({ "grub2/grub.cfg": sources })).toMatchObject({ folder: "/boot/grub2" });
  });
  it("a loader that is not OSTree's (systemd/systemd#26644)", () => {
    expect(grub({ "loader/entries/debian.conf": "x" }).loader).toEqual(["other"]);
    expect(grub({ "loader.1/entries/ostree-1.conf": "x", loader: "->loader.1" }).loader).toBeUndefined();
  });
});

describe("of GRUB is refused", () => {
  it.each([
    ["grub-folder", ["grub.folder"], "grub.folder=/boot/grub2"],
    ["grub-folder", [], "grub.folder=/boot/grub2"],
    ["grub-signed", [], "grub.signed=1"],
    ["grub-waits", [], "grub.waits=cryptomount -u 12"],
    ["grub-after", [], "grub.after=set default=2"],
    ["boot-loader", [], "boot.loader=other"],
    ["root-folder", ["mount"], "mount=27 1 254:2 /srv/root / rw - ext4 /dev/vda2 rw"],
  ])("%s, %j %s", (code, without, line) => expect(codes(server(without, [line]))).toEqual([code]));
  it("a /boot that is a folder of another file system", () => {
    const f = server(
      [],
      [
        "block=vdb 254:16 8388608 - - - - -",
        "block=vdb1 254:17 8386560 1 vdb - - -",
        'blkid=/dev/vdb1: UUID="11111111-2222-4333-8444-555555555555" TYPE="ext4"',
        "mount=30 27 254:17 /system/boot /boot rw,relatime - ext4 /dev/vdb1 rw",
      ],
    );
    expect(codes(f)).toEqual(["boot-folder"]);
  });
  it("a password is not, and is told where it goes with the old system", () => {
    const f = server([], ["grub.password=1"]);
    const notes = (more: Partial<PlanInputs>) => planned(f, more).plan!.lines.filter((l) => /password/.test(l));
    expect([notes({}), notes({ finalize: true }).length]).toEqual([[], 1]);
  });
});

describe("Xen before Linux 4.13 (sysfs-hypervisor-xen), and firmware", () => {
  it("a guest without DMI is PV, one with it is not", () => {
    const pv = server(["machine", "kernel", "hypervisor", "xen"], ["kernel=4.9.0-19-amd64", "hypervisor=xen"]);
    for (const more of [[], over] as [Partial<PlanInputs>?, Partial<ImageFacts>?][])
      expect(codes(pv, ...more)).toContain("xen-pv");
    const hvm = server(["hypervisor", "xen"], ["hypervisor=xen"]);
    expect([hvm.machine !== undefined, codes(hvm)]).toEqual([true, []]);
  });
  it.each([
    ["efi=32", ["grub.platform=i386-efi"], ["firmware-32"]],
    // before the kernel told it
    ["efi=1", ["grub.platform=i386-efi"], ["firmware-32"]],
    ["efi=64", ["grub.platform=i386-efi"], []],
    ["efi=1", ["grub.platform=x86_64-efi"], []],
  ])("%s with %j: %j (openSUSE/update-bootloader#142)", (efi, more, expected) => {
    const f = server(["grub.platform"], [efi, "secureboot=0", ...more]);
    expect(codes(f, ...over)).toEqual(expected);
    expect(codes(f)).toEqual([]);
  });
  it("a machine without any firmware is not overwritten", () => {
    // ways/overwrite/firmware.ts says the same of its boot loader
    expect(codes(server(["machine", "cmdline"], ["cmdline=root=/dev/vda ro", "kexec.disabled=0"]), ...over)).toEqual([
      "firmware-none",
      "boot-provider",
    ]);
  });
  it("Secure Boot that cannot be read is told", () => {
    const notes = (line?: string) => planned(server([], ["efi=64", ...(line ? [line] : [])])).plan!.lines.join("\n");
    expect(notes()).toMatch(/it cannot be read whether Secure Boot is on/);
    expect(notes("secureboot=0")).not.toMatch(/Secure Boot/);
  });
});

describe("a mark of a container (openSUSE/obs-build#272, systemd/systemd#15393)", () => {
  const folder = ["mount=27 1 254:2 /var/lib/docker/vfs/1 / rw - ext4 /dev/vda2 rw"];
  const overlay = ["mount=27 1 0:50 / / rw - overlay overlay rw"];
  const kind = (lines: string[], mount?: string[]) =>
    server(mount ? ["mount", "hypervisor"] : ["hypervisor"], ["hypervisor=kvm", ...lines, ...(mount ?? [])]).container;
  it.each<[string, string[], string[] | undefined, string | undefined]>([
    ["a file alone", ["container=docker"], undefined, undefined],
    ["a file, and process 1 is the kernel's", ["container=docker", "container.pid=first"], undefined, undefined],
    ["the kernel's own arguments", ["container=lxc", "container.pid=first"], undefined, undefined],
    ["a PID namespace of its own", ["container=docker", "container.pid=own"], undefined, "docker"],
    ["LXC on a volume of its own", ["container=lxc", "container.pid=own"], undefined, "lxc"],
    ["LXC where nothing else is known", ["container=lxc"], undefined, "lxc"],
    ["an overlay in the host's namespace", ["container=docker", "container.pid=first"], overlay, "docker"],
    ["a folder as root", ["container=podman", "container.pid=first"], folder, "podman"],
    ["WSL", ["container=wsl", "container.pid=first"], undefined, "wsl"],
  ])("%s", (_, lines, mount, expected) => expect(kind(lines, mount)).toBe(expected));
  it("in a PID namespace is read with whose process 1 is", () => {
    const enter = "mount -t tmpfs tmpfs /run && : >/run/.containerenv && exec dash -s";
    const args = ["-rpfm", "--mount-proc", "sh", "-c", enter];
    const lines = factLines(execFileSync("unshare", args, { input: factsScript(), encoding: "utf8" }));
    expect(lines.get("container")).toContain("podman");
    expect(lines.get("container.pid")).toEqual(["own"]);
  });
});

describe("hints lead somewhere", () => {
  const hint = (f: ReturnType<typeof server>, i: Partial<PlanInputs> = {}) =>
    planned(f, i)
      .refusals.map((r) => r.hint)
      .join();
  it("of another boot loader and a 32-bit kernel (CISOfy/lynis#634)", () => {
    const systemdBoot = server(["cmdline"], ["efi=64", "cmdline=initrd=\\EFI\\Linux\\initrd.img root=UUID=1 ro"]);
    expect(hint(systemdBoot)).toMatch(/grub-efi-amd64.*or method: overwrite/);
    expect(hint(server(["arch"], ["arch=i686"]))).toMatch(/64-bit kernel/);
    const docker = server([], ["container=docker", "container.pid=own"]);
    expect(hint(docker, { method: "alongside" })).not.toMatch(/leave method out/);
  });
});

describe("a name that no input may have", () => {
  it.each([
    ["web-1", "web-1"],
    ["my_vps", "my-vps"],
    ["_a..b_.example.com", "a.b.example.com"],
    [`${"x".repeat(64)}`, "x".repeat(63)],
    [`${"a".repeat(40)}.${"b".repeat(40)}`, "a".repeat(40)],
    ["(none)", "none"],
    ["___", "localhost"],
  ])("%s becomes %s, and the plan tells it", (name, hostname) => {
    expect(carriedHostname(name).hostname).toBe(hostname);
    const [own, given] = [{}, { hostname: "db" }].map(
      (i) => planned(server(["hostname"], [`hostname=${name}`]), i).plan!,
    );
    expect([own!.hostname, given!.hostname]).toEqual([hostname, "db"]);
    expect([own!, given!].map((p) => p.lines.some((l) => l.includes("set hostname for another")))).toEqual([
      name !== hostname,
      false,
    ]);
  });
  it("kernel arguments that do not fit are refused before anything is written", () => {
    expect(codes(server([]), { kernelArguments: ["x".repeat(1400)] })).toEqual(["kernel-arguments"]);
  });
});
