import { describe, expect, it } from "vitest";
import { constraintProblem } from "../../../../provider/image/packages/constraint.ts";
import type { LockedPackage } from "../../../../provider/image/packages/mirror.ts";
import {
  kernelReleaseOf,
  lockChanges,
  recipeDigest,
  rootProgram,
  timestampOf,
  world,
} from "../../../../provider/image/recipe/recipe.ts";
import * as rules from "../../../../provider/image/recipe/rules.ts";
import type { Recipe } from "../../../../provider/image/recipe/types.ts";
import { canonical } from "../../../../provider/local/hash.ts";
import { aRecipe } from "./a-recipe.ts";

const recipe = aRecipe({ mirror: "http://m", keys: {}, packages: ["nano"] });
const p = (name: string, version: string, checksum = `Q1${name}${version}`): LockedPackage => ({
  name,
  version,
  checksum,
  size: 1,
  installedSize: 2,
  built: 100,
  repository: "main",
});
const user = { name: "ann", shell: "/bin/sh", groups: [], authorizedKeys: [], sudo: true };

describe("digest", () => {
  const lock = [p("nano", "8-r0")];
  const digest = recipeDigest(recipe, lock, "1-a");
  it("does not depend on the order of keys", () => {
    const turned = Object.fromEntries(Object.entries(recipe).reverse()) as unknown as Recipe;
    expect(recipeDigest(turned, lock, "1-a")).toBe(digest);
    expect(canonical({ b: 1, a: [undefined, { d: undefined, c: 2 }] })).toBe('{"a":[null,{"c":2}],"b":1}');
  });
  it("depends on everything that decides the content", () => {
    const others = [
      recipeDigest(recipe, lock, "2-a"),
      recipeDigest(recipe, [p("nano", "8-r1")], "1-a"),
      recipeDigest(recipe, [p("nano", "8-r0", "Q1other")], "1-a"),
      recipeDigest({ ...recipe, hostname: "web" }, lock, "1-a"),
      recipeDigest(
        { ...recipe, files: [{ path: "/etc/x", mode: "0644", owner: "root:root", sha256: "0" }] },
        lock,
        "1-a",
      ),
      recipeDigest({ ...recipe, keys: { k: "pem" } }, lock, "1-a"),
    ];
    expect(new Set([digest, ...others]).size).toBe(others.length + 1);
  });
  it("does not depend on where a package was fetched or how big it is", () =>
    expect(recipeDigest(recipe, [{ ...lock[0]!, repository: "community", size: 7 }], "1-a")).toBe(digest));
});

describe("world", () => {
  it("has the base system, the kernel and what is asked for", () =>
    expect(world(recipe)).toEqual(
      expect.arrayContaining(["alpine-baselayout", "dropbear", "linux-virt", "nano", "ostree"]),
    ));
  it("takes the user's constraint instead of the base's name", () => {
    const names = world({ ...recipe, packages: ["busybox=1.37.0-r30", "dropbear@edge"] });
    expect(names).toContain("busybox=1.37.0-r30");
    expect(names).not.toContain("busybox");
    expect(names).not.toContain("dropbear");
  });
  it.each<[string, string[], boolean]>([
    ["lts", [], true],
    ["stable", ["nano"], true],
    ["virt", [], false],
    ["none", [], false],
    ["lts", ["linux-firmware-bnx2"], false],
    ["lts", ["linux-firmware>20260101"], false],
    ["lts", ["!linux-firmware-none"], false],
  ])("kernel %s with %j: no firmware files is %s", (kernel, packages, none) => {
    const wanted = world({ ...recipe, kernel, packages });
    expect(wanted.includes("linux-firmware-none")).toBe(none);
    expect(wanted).toEqual(expect.arrayContaining(packages));
  });
  it("adds what settings need", () => {
    expect(world({ ...recipe, timezone: "Europe/Berlin" })).toContain("tzdata");
    expect(world({ ...recipe, users: [user] })).toContain("sudo");
    const doas = { ...recipe, users: [user], packages: ["doas"] };
    expect(world(doas)).not.toContain("sudo");
    expect(rootProgram(doas)).toBe("doas");
    expect(rootProgram({ ...recipe, users: [{ ...user, sudo: false }] })).toBeUndefined();
    // canonical/cloud-init#4652
    expect(world({ ...recipe, users: [user], packages: ["!doas"] })).toContain("sudo");
    expect(world({ ...recipe, users: [user], packages: ["!sudo", "doas"] })).not.toContain("sudo");
  });
});

it("a lock says the kernel's release and the time of everything made from it", () => {
  expect(kernelReleaseOf(recipe, [p("linux-virt", "6.18.56-r0")])).toBe("6.18.56-0-virt");
  expect(timestampOf([p("a", "1"), { ...p("b", "1"), built: 300 }])).toBe(300);
});

it("what changes between locks is told a line a package", () =>
  expect(
    lockChanges(
      [p("openssl", "3.5.4-r0"), p("tree", "2.1-r0"), p("same", "1-r0"), p("zlib", "1-r0", "Q1a")],
      [p("openssl", "3.5.5-r0"), p("nano", "8.1-r0"), p("same", "1-r0"), p("zlib", "1-r0", "Q1b")],
    ),
  ).toEqual([
    "+ nano 8.1-r0",
    "openssl 3.5.4-r0 => 3.5.5-r0",
    "- tree 2.1-r0",
    "zlib 1-r0 => the same version built again",
  ]));

describe("paths of files", () => {
  it.each(["/etc/motd", "/etc/init.d/mine", "/usr/share/www/index.html", "/usr/local/bin/x y"])("%s", (path) =>
    expect(rules.pathProblem(path)).toBeUndefined(),
  );
  it.each([
    ["etc/motd", /absolute/],
    ["/etc/", /absolute/],
    ["/etc/../shadow", /without empty parts/],
    ["/etc//x", /without empty parts/],
    ["/etc/a\nb", /control/],
    ["/etc/a\tb", /control/],
    ["/var/lib/x", /HostHijack/],
    ["/root/.profile", /HostHijack/],
    ["/home/ann/x", /HostHijack/],
    ["/run/x", /every boot/],
    ["/tmp/x", /every boot/],
    ["/boot/grub/grub.cfg", /GRUB/],
    ["/motd", /root folder/],
    ["/etc/shadow", /`users`/],
    ["/etc/runlevels/default/x", /`services`/],
    ["/usr/etc", /put it below \/etc/],
    ["/usr/etc/app.conf", /put it below \/etc/],
    ["/usr/share/factory/var/lib/x", /HostHijack's files/],
  ])("%s is refused", (path, why) => expect(rules.pathProblem(path)?.reason).toMatch(why));
});

describe("constraints of packages", () => {
  // biome-ignore format: what belongs together is in one line
  it.each([
    "curl", "curl=8.17.0-r1", "curl~8.17", "curl>=8", "curl@edge", "g++", "!mkinitfs", "lua5.4-lib_x", "a>1_rc1",
    // hadolint#1168, openwrt/openwrt#16427; each solved by apk 3.0.8
    "tool~=1.0", "tool=~1.0", "tool==1.0.3-r0", "tool~>1.0", "tool@edge>=2.0-r0", "tool@edge",
    "cmd:tool", "so:libedge.so.9", "pc:edge", "so:libx[a],b.so", "a/b", "tool=1.0~abcdef", "!cmd:tool",
  ])("%s", (c) => expect(constraintProblem(c)).toBeUndefined());
  it.each([
    "",
    "-x",
    "--root=/",
    "a b",
    "a;b",
    "../x",
    "/etc/x.apk",
    "a=",
    "a\n",
    "./a.apk",
    "a.apk",
    "etc/x.apk",
    "tool=2.0-r0@edge",
    "tool=bad",
    "tool =1",
    "tool=1.0~",
    "tool~a",
    "tool=1-r0-r1",
  ])("%j is refused", (c) => expect(constraintProblem(c)).toMatch(/expected/));
});

it("rules know what belongs to them", () => {
  expect(rules.authorizedKeyPattern.test(`ssh-ed25519 ${"A".repeat(68)} ann@home`)).toBe(true);
  expect(rules.authorizedKeyPattern.test(`from="10.0.0.1" ssh-rsa ${"A".repeat(200)}==`)).toBe(true);
  expect(rules.authorizedKeyPattern.test("-----BEGIN OPENSSH PRIVATE KEY-----")).toBe(false);
  expect(rules.authorizedKeyPattern.test(`ssh-ed25519 ${"A".repeat(68)}\nssh-rsa AAAA`)).toBe(false);
  for (const good of ["main", "edge/testing", "@edge edge/testing", "https://x.example/alpine/v3.23/own"])
    expect(rules.repositoryPattern.test(good), good).toBe(true);
  for (const bad of ["", "@edge", "/tmp/x", "../x", "ftp://x/y", "a b"])
    expect(rules.repositoryPattern.test(bad), bad).toBe(false);
  expect(rules.fourDigits("644")).toBe("0644");
  expect(rules.pemProblem("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----")).toMatch(/RSA public key/);
});
