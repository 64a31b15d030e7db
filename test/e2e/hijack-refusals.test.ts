/** What is refused ends with one clear message before anything is written on the server, which stays as it was. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ensureMirror,
  freshKey,
  type MirrorServer,
  type ServeOptions,
  serveMirror,
  variantMirror,
} from "../lab/mirror/index.ts";
import { newKey } from "../lab/vps/index.ts";
import { differences, type Lab, listing, on, startLab, steps, until } from "./hijack-lab.ts";

const step = steps(test);
const servers: MirrorServer[] = [];
let lab: Lab;
let before: Map<string, string>;
let good: { mirror: string; host: Record<string, string> };

beforeAll(async () => {
  lab = await startLab("refusals");
  const { vps } = lab;
  good = {
    mirror: lab.mirror.url,
    host: { host: vps.host, port: String(vps.port), user: "root", hostKey: vps.hostKey },
  };
  before = await listing(vps, { quick: true });
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await lab?.end();
});

/** An `up` without a preview before it, so that the refusal is that of the operation itself: its one message. */
async function refused(): Promise<string> {
  const r = await lab.project.run(["up", "--skip-preview"]);
  expect(r.exitCode, r.output).not.toBe(0);
  expect(r.errors, r.output).toHaveLength(1);
  const left =
    "ls -d /run/pine* /.pine* /ostree /boot/ostree /boot/loader* /boot/grub/pine /boot/grub/custom.cfg 2>/dev/null";
  expect((await lab.vps.ssh(left)).stdout).toBe("");
  lab.tell(r.errors[0]!.split("\n")[0]!.slice(0, 160));
  return r.errors[0]!;
}

/** Port of 127.0.0.1 where nothing listens: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = await serveMirror(join(lab.work, "nothing"));
  await server.close();
  return server.port;
}

async function withMirror(changes: Parameters<typeof variantMirror>[2], o: ServeOptions = {}): Promise<string> {
  const tree = await variantMirror(await ensureMirror(), join(lab.work, `mirror-${servers.length}`), changes);
  const server = await serveMirror(tree, o);
  servers.push(server);
  await lab.project.set({ "pine:mirror": server.url });
  return server.url;
}

/** A package that no cache has. */
const unheard = () => ({ name: `unheard-${Date.now()}`, version: "1.0-r0", description: "of a test", files: [] });
const flip = (at: number) => (body: Buffer) => {
  const changed = Buffer.from(body);
  changed[Math.floor(body.length * at)]! ^= 0x10;
  return changed;
};

step("a package that does not exist", async () => {
  await lab.project.set({ packages: ["lighttpd", "lihgttpd-mod-nothing"] });
  expect(await refused()).toMatch(/lihgttpd-mod-nothing/);
  await lab.project.set({ packages: ["lighttpd"] });
});

step("a mirror that cannot be reached", async () => {
  const port = await closedPort();
  await lab.project.set({ "pine:mirror": `http://127.0.0.1:${port}/alpine` });
  expect(await refused()).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}`));
});

step("an index that somebody else signed", async () => {
  await withMirror({ indexSigner: freshKey("stranger.rsa.pub") });
  expect(await refused()).toMatch(/APKINDEX.*sign|sign.*APKINDEX/is);
});

step("an index with a flipped bit", async () => {
  const change = flip(0.5);
  await withMirror({}, { intercept: (path) => (path.endsWith("APKINDEX.tar.gz") ? { change } : undefined) });
  expect(await refused()).toMatch(/APKINDEX|index/i);
});

step("a package that somebody else signed", async () => {
  const own = unheard();
  await withMirror({ add: [{ ...own, signer: freshKey("stranger.rsa.pub") }] });
  await lab.project.set({ packages: ["lighttpd", own.name] });
  expect(await refused()).toMatch(new RegExp(`${own.name}.*sign|sign.*${own.name}`, "is"));
});

step("a package with a flipped bit", async () => {
  const own = unheard();
  const change = flip(0.9);
  await withMirror({ add: [own] }, { intercept: (path) => (path.includes(own.name) ? { change } : undefined) });
  await lab.project.set({ packages: ["lighttpd", own.name] });
  expect(await refused()).toMatch(new RegExp(own.name));
  await lab.project.set({ packages: ["lighttpd"], "pine:mirror": good.mirror });
});

step("a server that cannot be reached", async () => {
  await lab.project.set({ port: String(await closedPort()) });
  expect(await refused()).toMatch(/cannot be reached: Connection refused; check connection\.host/);
  await lab.project.set(good.host);
});

/**
 * What the server's SSH daemon wrote down about a user. Not by `-u ssh`: journald asks /proc which unit a line comes
 * from, and finds nothing when the process that wrote it has ended by then.
 */
const sshLog = (user: string) =>
  on(lab.vps, `journalctl --sync; journalctl -t sshd -t sshd-session -o cat --no-pager | grep -w ${user} || true`);

step("another host key than the one that is expected: no credential is sent", async () => {
  const key = join(lab.work, "vps", "hostkey");
  await newKey(key, "ed25519", "x");
  const other = readFileSync(`${key}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
  const known = await sshLog("debian");
  await lab.project.set({ ...good.host, user: "debian", hostKey: other });
  expect(await refused()).toMatch(/^wrong host key: .*no credential was sent/);
  expect(await sshLog("debian")).toBe(known); // not even a user's name
  await lab.project.set(good.host);
});

step("a key that the server does not take", async () => {
  const key = join(lab.work, "vps", "wrong");
  await newKey(key, "ed25519", "x");
  await lab.project.set({ user: "debian" });
  await lab.project.secret("privateKey", readFileSync(key, "utf8"));
  const known = await sshLog("debian");
  expect(await refused()).toMatch(/refused connection\.privateKey; check connection\.user/);
  // what the log says of an attempt, once the journal has it
  const tried = async () => /authenticating user debian/.test((await sshLog("debian")).slice(known.length));
  await until("the attempt is in the server's log", tried, 60_000);
  await lab.project.secret("privateKey", lab.vps.privateKey);
});

step("a user without root's rights", async () => {
  await lab.project.set({ user: "nosudo" });
  expect(await refused()).toMatch(
    /^user nosudo may not become root without a password: sudo asks for one; set connection\.password .*or log in as root$/,
  );
  await lab.project.set(good.host);
});

step("another architecture", async () => {
  // a real server whose one fact is another: `uname -m`
  const doctored = '#!/bin/sh\ncase $1 in -m) echo aarch64 ;; *) exec /usr/bin/uname "$@" ;; esac\n';
  await lab.vps.ssh("cat >/usr/local/sbin/uname && chmod 755 /usr/local/sbin/uname", { input: doctored });
  expect(await refused()).toMatch(/aarch64.*x86_64|x86_64.*aarch64/s);
  await on(lab.vps, "rm /usr/local/sbin/uname");
});

step("too little room on the disk", async () => {
  const free = Number(await on(lab.vps, "df --output=avail -B1 / | tail -n 1"));
  await on(lab.vps, `fallocate -l ${free - 100e6} /var/fill`);
  expect(await refused()).toMatch(/MB.*free|free.*MB/s);
  await on(lab.vps, "rm /var/fill");
});

step("a container's commit", async () => {
  await lab.project.set({ target: "container" });
  const { exitCode, output } = await lab.project.run(["preview"]);
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(/the commit is for a container and has no kernel to boot; build the Rootfs with target: "vm"/);
  await lab.project.set({ target: "vm" });
});

step("a container", async () => {
  // Stands for LXC: sshd in pid, mount, uts and ipc namespaces of its own, below a first process that has what LXC
  // tells it.
  const script = `systemctl stop ssh; mkdir -p /run/sshd
    env -i PATH="$PATH" container=lxc unshare --pid --mount --uts --ipc --fork --kill-child --mount-proc sh -c '/usr/sbin/sshd -D & wait' &
    inside=$!; while [ ! -e /run/end ]; do sleep 1; done; kill -KILL $inside; sleep 1; systemctl start ssh`;
  await lab.vps.ssh("cat >/run/container; setsid sh /run/container >/dev/null 2>&1 </dev/null &", { input: script });
  const contained = async () => (await lab.vps.ssh("tr '\\0' '\\n' </proc/1/environ")).stdout.includes("container=lxc");
  await until("sshd runs in the container", contained);
  expect(await refused()).toMatch(/container.*lxc|lxc.*container/is);
  await lab.vps.ssh("touch /run/end", { timeout: 30_000 }).catch(() => undefined);
  await until("the server's own sshd runs", async () => {
    // a connection to the sshd that is being killed may never answer
    const first = await lab.vps.ssh("cat /proc/1/comm", { timeout: 30_000 }).catch(() => undefined);
    return first?.stdout.trim() === "systemd";
  });
});

step("the server is as it was", async () => {
  const after = await listing(lab.vps, { quick: true });
  // the doctored uname was there for a while
  expect(differences(before, after).filter((d) => !d.startsWith("/usr/local/sbin:"))).toEqual([]);
  expect((await lab.project.state()).map((r) => r.type)).not.toContain("pine:index:HostHijack");
});
