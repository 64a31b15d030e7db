/** Bad inputs of a Rootfs: each has a code of its own, names the property, and comes before anything is written. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Header } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Archive, Asset, type Props, Secret } from "../../../../provider/properties/values.ts";
import type { Config } from "../../../../provider/resource.ts";
import { checkRootfs } from "../../../../provider/resources/rootfs/check.ts";

const tmpfs = { device: "tmpfs", filesystem: "tmpfs" };

let work: string;
let config: Config;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "pine-check-"));
  config = {
    store: join(work, "store"),
    cache: join(work, "cache"),
    mirror: "http://m/alpine",
    release: "v3.23",
    keys: {},
  };
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const packed = (files: Record<string, string>): Archive =>
  new Archive({ assets: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, new Asset({ text })])) });

/** A tar of one entry, as no tar program would write it. */
function tarOf(name: string, type: "File" | "SymbolicLink" | "CharacterDevice" | "Link", linkpath = ""): Archive {
  const block = Buffer.alloc(512);
  new Header({ path: name, type, linkpath, size: 0, mode: 0o644, mtime: new Date(0), devmaj: 1, devmin: 3 }).encode(
    block,
  );
  const path = join(
    work,
    `${Buffer.from(name + type)
      .toString("hex")
      .slice(0, 60)}.tar`,
  );
  writeFileSync(path, Buffer.concat([block, Buffer.alloc(1024)]));
  return new Archive({ path });
}
const key = `ssh-ed25519 ${"A".repeat(68)} test`;
const ann = { name: "ann", authorizedKeys: [key] };
const archive = (make: () => Archive) => () => ({ files: { "/usr/share/app": { archive: make() } } });

/** Code, inputs, what the message says. */
const TABLE: [code: string, inputs: Props | (() => Props), says: RegExp][] = [
  ["unknown", { pakcages: ["nano"] }, /pakcages: there is no such property; did you mean packages\?/],
  ["profile.choice", { profile: "clasic" }, /did you mean classic\?/],
  ["target.choice", { target: "lxc" }, /one of vm, container/],
  ["release.form", { release: "3.23" }, /an Alpine release such as "v3\.23"/],
  ["release.type", { release: 3.23 }, /put it in quotes/],
  ["arch.choice", { arch: "amd64" }, /one of x86_64, aarch64/],
  ["mirror.form", { mirror: "ftp://mirror" }, /http or https/],
  ["repositories.type", { repositories: "main" }, /a list/],
  ["repositories.empty", { repositories: [] }, /at least 1/],
  ["repositories.form", { repositories: ["../../etc"] }, /a repository such as/],
  ["repositories.twice", { repositories: ["main", "main"] }, /main is there twice/],
  ["repositories.same", { repositories: ["main", "http://m/alpine/v3.23/main/"] }, /are the same place/],
  ["repositoryKeys.key", { repositoryKeys: { "../k": "" } }, /a file name as in the signature/],
  ["repositoryKeys.value", { repositoryKeys: { "k.pub": "PEM" } }, /an RSA public key in PEM/],
  ["packages.value", { packages: ["--root=/"] }, /an Alpine package name/],
  ["packages.type", { packages: "nano" }, /a list/],
  ["packages.contradiction", { packages: ["nano", "!nano"] }, /exclude each other/],
  ["packages.twice", { packages: ["nano=1", "nano>2"] }, /name the same package/],
  ["packages.needed", { packages: ["!openrc"] }, /cannot be left out/],
  // somebody who may become root needs one of them: without sudo and doas there is none
  ["packages.needed", { packages: ["!sudo"], users: [{ ...ann, sudo: true }] }, /sudo cannot be left out/],
  ["files.owner.owner-range", { files: { "/etc/x": { content: "", owner: "98765:98765" } } }, /from 0 to 65535/],
  ["files.owner.owner-range", { files: { "/etc/x": { content: "", owner: "root:65536" } } }, /from 0 to 65535/],
  ["files.path-place", { files: { "/usr/etc/x": { content: "" } } }, /put it below \/etc/],
  ["packages.tag", { packages: ["nano@edge"] }, /no repository has the tag @edge/],
  ["packages.kernel", { packages: ["linux-lts"] }, /named by `kernel`/],
  ["kernel.form", { kernel: "Virt!" }, /a flavour such as/],
  ["kernel.missing", { kernel: "none" }, /boots a kernel of its own/],
  ["kernel.container", { target: "container", kernel: "virt" }, /expected "none"/],
  [
    "extraKernelModules.container",
    { target: "container", extraKernelModules: { x: new Asset({ text: "" }) } },
    /the host's/,
  ],
  ["extraKernelModules.key", { extraKernelModules: { "../x": new Asset({ text: "" }) } }, /the name of a module/],
  [
    "extraKernelModules.missing",
    { extraKernelModules: { x: new Asset({ path: "/nowhere/x.ko" }) } },
    /there is no file \/nowhere/,
  ],
  ["loadModules.form", { loadModules: ["a/b"] }, /the name of a kernel module/],
  ["loadModules.container", { target: "container", loadModules: ["tun"] }, /the host's/],
  ["timezone.form", { timezone: "../../etc/shadow" }, /a zone such as/],
  ["keymap.form", { keymap: "../x" }, /a keymap such as/],
  ["keymap.container", { target: "container", keymap: "us" }, /no console/],
  ["locale.form", { locale: "german" }, /a locale such as/],
  ["ntp.client.choice", { ntp: { client: "openntpd" } }, /one of busybox, chrony, none/],
  ["ntp.servers.form", { ntp: { servers: ["a b; reboot"] } }, /a time server/],
  ["ntp.container", { target: "container", ntp: {} }, /the clock/],
  ["nameservers.address", { nameservers: ["dns.example"] }, /an IPv4 or IPv6 address/],
  ["nameservers.many", { nameservers: ["1.1.1.1", "1.0.0.1", "8.8.8.8", "9.9.9.9"] }, /at most 3/],
  ["mounts.path.system", { mounts: [{ ...tmpfs, path: "/usr" }] }, /the system's own/],
  ["mounts.path.dots", { mounts: [{ ...tmpfs, path: "/srv/../usr" }] }, /without \. and \.\./],
  ["mounts.path.boot", { mounts: [{ ...tmpfs, path: "/media/x" }] }, /made new at every boot/],
  ["mounts.device.form", { mounts: [{ device: "a b", path: "/srv", filesystem: "ext4" }] }, /what is mounted/],
  ["mounts.fsckOrder.range", { mounts: [{ ...tmpfs, path: "/s", fsckOrder: 3 }] }, /0 to 2/],
  [
    "mounts.twice",
    { mounts: ["a", "b"].map((device) => ({ device, path: "/srv/x", filesystem: "ext4" })) },
    /\/srv\/x is mounted on twice/,
  ],
  ["swap.kind.choice", { swap: { kind: "swap" } }, /one of none, zram, swapfile, zswap/],
  ["swap.percent.range", { swap: { kind: "zram", percent: 900 } }, /from 5 to 400/],
  ["swap.percent", { swap: { kind: "zswap", percent: 50 } }, /for zram only/],
  ["swap.size", { swap: { kind: "zram", size: 64 } }, /zram takes percent/],
  ["swap.container", { target: "container", swap: { kind: "zram" } }, /expected kind none/],
  ["limits.key", { limits: { files: "1" } }, /a limit: as, core/],
  ["limits.form", { limits: { nofile: "many" } }, /a number or "unlimited"/],
  ["watchdog.seconds.range", { watchdog: { seconds: 5 } }, /watchdog\.seconds: /],
  [
    "watchdog.container",
    { target: "container", watchdog: {} },
    /watchdog: expected none: it would reset the container's host/,
  ],
  ["tuning.block.key", { tuning: { block: { "../../x": "1" } } }, /a file of \/sys\/block/],
  ["tuning.offload.choice", { tuning: { offload: { tso: "maybe" } } }, /one of on, off/],
  ["users.name.form", { users: [{ ...ann, name: "Ann B" }] }, /a login name/],
  ["users.name.root", { users: [{ ...ann, name: "root" }] }, /root is there already/],
  ["users.uid.range", { users: [{ ...ann, uid: 0 }] }, /from 1000 to 59999/],
  ["users.twice", { users: [ann, ann] }, /user ann is there twice/],
  [
    "users.uid-twice",
    {
      users: [
        { ...ann, uid: 1000 },
        { ...ann, name: "bob", uid: 1000 },
      ],
    },
    /uid 1000 is there twice/,
  ],
  ["users.authorizedKeys.missing", { users: [{ name: "ann" }] }, /is missing/],
  ["users.passwordHash.form", { users: [{ ...ann, passwordHash: "hunter2" }] }, /a hash as in \/etc\/shadow/],
  ["authorizedKeys.key", { authorizedKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----"] }, /a public key/],
  ["authorizedKeys.secret", { authorizedKeys: new Secret([key]) }, /is secret/],
  ["hostname.form", { hostname: "-web" }, /a hostname such as/],
  ["hostname.form", { hostname: "web..x" }, /a hostname such as/],
  ["hostname.form", { hostname: "a-.b" }, /a hostname such as/],
  ["sshServer.choice", { sshServer: "sshd" }, /one of dropbear, openssh/],
  ["services.key", { services: { multi: ["x"] } }, /a runlevel/],
  ["services.form", { services: { default: ["../x"] } }, /the name of an OpenRC service/],
  ["sysctl.key", { sysctl: { swappiness: "1" } }, /a kernel parameter/],
  ["extras.choice", { extras: ["docker"] }, /expected one of backup/],
  ["extras.container", { target: "container", extras: ["iomon"] }, /iomon watches a machine's disk/],
  ["extras.twice", { extras: ["glibc", "glibc"] }, /glibc is there twice/],
  ["buildCommands.form", { buildCommands: ["a\0b"] }, /a command/],
  ["files.neither", { files: { "/etc/x": {} } }, /exactly one of content, source, archive/],
  ["files.both", { files: { "/etc/x": { content: "", source: new Asset({ text: "" }) } } }, /got content and source/],
  ["files.mode.form", { files: { "/etc/x": { content: "", mode: "rw" } } }, /an octal mode/],
  ["files.owner.form", { files: { "/etc/x": { content: "", owner: "a b:c" } } }, /"user:group"/],
  [
    "mirror.credentials",
    { mirror: "https://ann:canary@m.example/alpine" },
    /^mirror: expected an address without user(?!.*canary)/,
  ],
  [
    "repositories.credentials",
    { repositories: ["main", "@x https://ann:canary@m.example/x"] },
    /without user(?!.*canary)/,
  ],
  // the same rules for what comes out of an archive (rancher/elemental-toolkit#2063)
  [
    "files.path-property",
    { files: { "/etc/apk": { archive: packed({ world: "evil" }) } } },
    /entry world of .*made from `packages`/,
  ],
  [
    "files.path-property",
    { files: { "/etc/runlevels": { archive: packed({ "default/x": "" }) } } },
    /made from `services`/,
  ],
  ["files.path-place", { files: { "/usr/share": { archive: packed({ "factory/var/x": "" }) } } }, /HostHijack's files/],
  ["files.path-property", { limits: { nofile: "10" }, files: { "/etc/rc.conf": { content: "" } } }, /from `limits`/],
  [
    "files.path-property",
    { ntp: { client: "chrony" }, files: { "/etc/chrony": { archive: packed({ "chrony.conf": "" }) } } },
    /`ntp`/,
  ],
  [
    "files.path-property",
    { sysctl: { "vm.swappiness": "1" }, files: { "/etc/sysctl.d/90-pine.conf": { content: "" } } },
    /`sysctl`/,
  ],
  [
    "files.path-twice",
    { files: { "/usr/share/x/f": { content: "A" }, "/usr/share/x": { archive: packed({ f: "B" }) } } },
    /\/usr\/share\/x\/f is there twice: .*entry f of/,
  ],
  [
    "files.below",
    { files: { "/usr/share/x/f/g": { content: "A" }, "/usr/share/x": { archive: packed({ f: "B" }) } } },
    /g lies below a file, entry f of/,
  ],
  ["files.path-relative", { files: { "etc/x": { content: "" } } }, /an absolute path/],
  ["files.path-dots", { files: { "/etc/../../x": { content: "" } } }, /without empty parts, \. and \.\./],
  ["files.path-control", { files: { "/etc/a\nb": { content: "" } } }, /control characters/],
  ["files.path-long", { files: { [`/etc/${"n".repeat(256)}`]: { content: "" } } }, /255 bytes/],
  ["files.path-place", { files: { "/var/lib/x": { content: "" } } }, /HostHijack's files/],
  ["files.path-root", { files: { "/x": { content: "" } } }, /root folder/],
  ["files.path-property", { files: { "/etc/shadow": { content: "" } } }, /made from `users`/],
  ["files.below", { files: { "/etc/a": { content: "" }, "/etc/a/b": { content: "" } } }, /lies below another file/],
  ["files.secret", { files: { "/etc/x": { content: new Secret("s3cret") } } }, /holds something secret/],
  ["files.source.missing", { files: { "/etc/x": { source: new Asset({ path: "/nowhere/x" }) } } }, /no file \/nowhere/],
  ["files.source.kind", { files: { "/etc/x": { source: new Asset({ path: "/dev/null" }) } } }, /not a plain file/],
  ["files.source.remote", { files: { "/etc/x": { source: new Asset({ uri: "http://x/y" }) } } }, /nothing is fetched/],
  [
    "files.mode",
    { files: { "/usr/x/y": { mode: "0644", archive: new Archive({ assets: {} }) } } },
    /for a single file/,
  ],
  ["files.archive.", archive(() => tarOf("../evil", "File")), /\.\./],
  ["files.archive.", archive(() => tarOf("/etc/evil", "File")), /absolute/],
  ["files.archive.", archive(() => tarOf("null", "CharacterDevice")), /device/],
  ["files.archive.", archive(() => tarOf("up", "SymbolicLink", "../../../etc/shadow")), /out of/],
  ["files.archive.", archive(() => new Archive({ path: "/nowhere/x.tar" })), /nowhere/],
];

describe("a bad input", () => {
  it.each(TABLE)("%s: %j", async (code, given, says) => {
    const inputs = typeof given === "function" ? given() : given;
    const { failures } = await checkRootfs(inputs, config);
    const shown = failures.map((f) => `${f.property ? `${f.property}: ` : ""}${f.reason} [${f.code}]`).join("\n");
    expect(shown).toMatch(says);
    expect(
      failures.some((f) => (code.endsWith(".") ? f.code?.startsWith(code) : f.code === code)),
      shown,
    ).toBe(true);
    // nothing was written, and no secret told
    expect(readdirSync(work).filter((n) => !n.endsWith(".tar"))).toEqual([]);
    expect(shown).not.toMatch(/s3cret|hunter2/);
  });

  it("has one of at least forty codes", async () => {
    const codes = new Set<string>();
    for (const [, given] of TABLE)
      for (const f of (await checkRootfs(typeof given === "function" ? given() : given, config)).failures)
        if (f.code) codes.add(f.code);
    expect(codes.size).toBeGreaterThanOrEqual(70);
  });
});
