/**
 * The script that keeps a server's host keys, run for real: OpenSSH's and dropbear's own programs make, convert and
 * read them.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  deployment,
  filesOf,
  giveKey,
  keep,
  keyFiles,
  place,
  publicKey,
  SERVERS,
  sh,
  system,
  TYPES,
  work,
} from "./hostkeys-tools.ts";

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(SERVERS)("from a system of ours with %s", (from) => {
  let running: string;
  beforeAll(() => {
    running = system(from);
  });
  it.each(SERVERS)("to a deployment with %s: the same keys, and no others", (to) => {
    const root = deployment(to);
    // what OSTree's merge of /etc brings, and keys of another time
    for (const type of TYPES) {
      giveKey(root, from, type);
      if (to !== from) giveKey(root, to, type, "another");
    }
    expect(keep(running, root)).toEqual({ code: 0, stdout: "3", stderr: "" });
    expect(keyFiles(root)).toEqual(filesOf[to]);
    for (const type of TYPES) {
      expect(publicKey(root, to, type)).toBe(publicKey(running, from, type));
      if (to === "openssh")
        expect(readFileSync(`${place(root, to, type)}.pub`, "utf8").trim()).toBe(publicKey(running, from, type));
    }
    expect(readdirSync(join(root, "etc"))).not.toContain(".pine-hostkeys");
    // once more, as after a connection that was cut
    expect(keep(running, root).code).toBe(0);
    expect(keyFiles(root)).toEqual(filesOf[to]);
  });
  it("there and back: the bytes that sshd and dropbear read are those of the same key", () => {
    const other = from === "dropbear" ? "openssh" : "dropbear";
    const [there, back] = [deployment(other), deployment(from)];
    expect([keep(running, there).code, keep(there, back).code]).toEqual([0, 0]);
    for (const type of TYPES) expect(publicKey(back, from, type)).toBe(publicKey(running, from, type));
  });
  it("to a deployment with both", () => {
    const root = deployment("dropbear", "openssh");
    expect(keep(running, root).code).toBe(0);
    expect(keyFiles(root)).toEqual([...filesOf.dropbear, ...filesOf.openssh]);
    for (const to of SERVERS) expect(publicKey(root, to, "ecdsa")).toBe(publicKey(running, from, "ecdsa"));
  });
  it("one key alone: what the deployment has of other types is not kept for another server", () => {
    const one = system(from, ["ed25519"]);
    const to = from === "dropbear" ? "openssh" : "dropbear";
    const root = deployment(to);
    giveKey(root, to, "rsa", "another");
    expect(keep(one, root)).toMatchObject({ code: 0, stdout: "1" });
    expect(keyFiles(root)).toEqual(filesOf[to].filter((f) => f.includes("ed25519")));
  });
});

describe("from an old system", () => {
  it.each(SERVERS)("whose sshd has keys in its old format, to %s", (to) => {
    const running = mkdtempSync(join(work, "running-"));
    for (const type of ["rsa", "ecdsa"]) giveKey(running, "openssh", type, "old format");
    expect(readFileSync(place(running, "openssh", "rsa"), "utf8")).toMatch(/BEGIN RSA PRIVATE KEY/);
    giveKey(running, "openssh", "ed25519");
    const root = deployment(to);
    expect(keep(running, root, "none")).toEqual({ code: 0, stdout: "3", stderr: "" });
    expect(keyFiles(root)).toEqual(filesOf[to]);
    for (const type of TYPES) expect(publicKey(root, to, type)).toBe(publicKey(running, "openssh", type));
  });
  it("that has dropbear (the RAM system, too)", () => {
    const running = mkdtempSync(join(work, "running-"));
    giveKey(running, "dropbear", "ed25519");
    const root = deployment("openssh");
    expect(keep(running, root).stdout).toBe("1");
    expect(publicKey(root, "openssh", "ed25519")).toBe(publicKey(running, "dropbear", "ed25519"));
  });
});

// canonical/cloud-init#2422, dev-sec/ssh-baseline#174: HostKey names other files; atmoz/sftp#209: no .pub beside them
describe("keys that facts named", () => {
  const elsewhere = (running: string) => {
    giveKey(running, "openssh", "ed25519");
    mkdirSync(join(running, "etc/ssh/keys"));
    copyFileSync(place(running, "openssh", "ed25519"), join(running, "etc/ssh/keys/web1"));
    giveKey(running, "openssh", "ed25519", "another");
    const text = sh("ssh-keygen", "-y", "-P", "", "-f", join(running, "etc/ssh/keys/web1"));
    return ["/etc/ssh/keys/web1", ...text.trim().split(" ").slice(0, 2)];
  };
  it.each(SERVERS)("lie elsewhere, beside a stale one in the usual place: to %s", (to) => {
    const running = mkdtempSync(join(work, "running-"));
    const named = elsewhere(running);
    const root = deployment(to);
    expect(keep(running, root, "some", "22", named)).toEqual({ code: 0, stdout: "1", stderr: "" });
    expect(publicKey(root, to, "ed25519")).toBe(named.slice(1).join(" "));
  });
  it("came out as another: nothing is changed", () => {
    const running = mkdtempSync(join(work, "running-"));
    const [path, type] = elsewhere(running);
    const other = publicKey(running, "openssh", "ed25519").split(" ")[1]!;
    const root = deployment("dropbear");
    const r = keep(running, root, "some", "22", [path!, type!, other]);
    expect([r.code, keyFiles(root)]).toEqual([1, []]);
    expect(r.stderr).toMatch(/keys\/web1 was converted into another key/);
  });
  it("are gone since", () => {
    const root = deployment("dropbear");
    const r = keep(mkdtempSync(join(work, "running-")), root, "none", "22", ["/etc/ssh/x", "ssh-ed25519", "AAAA"]);
    expect([r.code, r.stderr]).toEqual([1, expect.stringMatching(/no host key .*\/etc\/ssh\/x any more/)]);
  });
});

it("a system of ours with dropbear: what else lies in /etc/ssh is none of its keys", () => {
  const running = system("dropbear", ["ed25519"]);
  for (const type of ["ed25519", "rsa"]) giveKey(running, "openssh", type);
  const root = deployment("openssh");
  expect(keep(running, root).stdout).toBe("1");
  expect(publicKey(root, "openssh", "ed25519")).toBe(publicKey(running, "dropbear", "ed25519"));
});

describe("refused, and nothing of the deployment is changed", () => {
  let running: string;
  let root: string;
  beforeEach(() => {
    running = system("dropbear", ["ed25519", "ecdsa"]);
    root = deployment("openssh");
    giveKey(root, "openssh", "ed25519", "another");
  });
  const breaks: [string, () => void, RegExp][] = [
    ["no host key", () => rmSync(join(running, "etc/dropbear"), { recursive: true }), /no SSH host key/],
    ["a damaged key", () => writeFileSync(place(running, "dropbear", "ecdsa"), "damaged"), /cannot read .*ecdsa/],
    ["nothing to convert with", () => rmSync(join(root, "usr/bin/dropbearconvert")), /cannot convert/],
    [
      "nothing that reads what was converted",
      () => rmSync(join(root, "usr/bin/ssh-keygen")),
      /was converted into another/,
    ],
    ["no service", () => rmSync(join(root, "etc/runlevels/default/sshd")), /no SSH server/],
    ["no program", () => rmSync(join(root, "usr/sbin/sshd")), /no SSH server/],
    ["a locked root", () => writeFileSync(join(root, "etc/shadow"), "root:!*::0:::::\n"), /root is locked/],
    ["no deployment", () => rmSync(join(root, "usr"), { recursive: true }), /no deployment/],
  ];
  it.each(breaks)("%s", (_, breakIt, message) => {
    breakIt();
    const before = [keyFiles(root), publicKey(root, "openssh", "ed25519")];
    const r = keep(running, root);
    expect([r.code, r.stdout]).toEqual([1, ""]);
    expect(r.stderr).toMatch(message);
    expect([keyFiles(root), publicKey(root, "openssh", "ed25519")]).toEqual(before);
    expect(readdirSync(join(root, "etc"))).not.toContain(".pine-hostkeys");
  });
  it("the running system itself", () => expect(keep(running, "/").stderr).toMatch(/runs$/));
});

it("an installation goes on without a key, and says so", () => {
  const running = mkdtempSync(join(work, "running-"));
  const root = deployment("dropbear");
  expect(keep(running, root, "none")).toEqual({ code: 0, stdout: "0", stderr: "" });
});

it("dropbear lets a locked root in: that is no reason to refuse", () => {
  const root = deployment("dropbear");
  writeFileSync(join(root, "etc/shadow"), "root:!*::0:::::\n");
  expect(keep(system("openssh"), root).code).toBe(0);
});
