/**
 * `npm run demo`: a Debian server becomes an atomic Alpine one, is updated, survives a bad update, and becomes Debian
 * again. It runs program.ts through Pulumi's Automation API. Server and mirror are the lab's (test/lab); everything
 * else is real.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureMirror, serveMirror } from "../../test/lab/mirror/index.ts";
import { ensureDebian, startVps, type Vps } from "../../test/lab/vps/index.ts";
import { demoStack } from "./demo-stack.ts";
import { bytes, expect, Steps, say, section } from "./demo-tell.ts";
import { WORDS } from "./demo-words.ts";

const PAGE = "Hello from an atomic server";
const steps = new Steps();
const work = await mkdtemp(join(tmpdir(), "pine-demo-"));
const ending: (() => Promise<unknown>)[] = [() => rm(work, { recursive: true, force: true })];

async function bootIdOf(vps: Vps): Promise<string> {
  return (await vps.ssh("cat /proc/sys/kernel/random/boot_id")).stdout.trim();
}

async function main(): Promise<void> {
  section("The lab: a mirror of signed packages and a Debian 12 server, in QEMU");
  const mirror = await steps.take("mirror of signed packages", async () => serveMirror(await ensureMirror(say)));
  ending.unshift(() => mirror.close());
  const tree = await ensureMirror();
  await mkdir(join(work, "vps"));
  const vps = await steps.take("Debian 12 boots", async () =>
    startVps({ base: await ensureDebian(say), dir: join(work, "vps"), log: say }),
  );
  ending.unshift(() => vps.stop());
  say(
    (
      await vps.ssh(
        ". /etc/os-release; echo \"$PRETTY_NAME, kernel $(uname -r), $(free -m | sed -n 's/^Mem: *\\([0-9]*\\).*/\\1/p') MB RAM\"",
      )
    ).stdout.trim(),
  );
  const debianBoot = await bootIdOf(vps);

  const stack = await demoStack({
    work,
    provider: { mirror: mirror.url, keys: tree.keys },
    server: {
      connection: { host: vps.host, port: vps.port, user: vps.user, privateKey: vps.privateKey, hostKey: vps.hostKey },
      hostname: "web-1",
      packages: [],
      page: PAGE,
    },
    keyFile: vps.privateKeyPath,
    say,
  });

  section("pulumi preview: what will happen, before anything is touched");
  const first = await steps.take("preview", () => stack.preview());
  for (const line of first.lines) say(line);
  expect(first.counts.create === 4, `preview creates the stack and three resources: ${JSON.stringify(first.counts)}`);
  expect(WORDS.packages.test(first.text), "preview names the packages and the kernel");
  expect(WORDS.alongside.test(first.text), "preview shows method, reboots and what is kept");

  section("pulumi up: the server becomes Alpine");
  const up = await steps.take(
    "up: build, send, trial boot, confirm",
    () => stack.up(),
    (o) => o.sent,
  );
  expect(up.booted.checksum.length === 64, `commit ${up.booted.checksum.slice(0, 12)} runs in slot ${up.booted.slot}`);
  await steps.take("look at the server over SSH", async () => {
    const alpine = await vps.ssh(
      ". /etc/os-release; echo $ID; hostname; ostree admin status; touch /usr/x; wget -qO- http://127.0.0.1/",
    );
    for (const line of `${alpine.stdout}${alpine.stderr}`.trim().split("\n")) say(line);
    expect(
      /^alpine\nweb-1\n/.test(alpine.stdout),
      "the same address and host key answer, and it is Alpine, named web-1",
    );
    expect(/\* pine [0-9a-f]{64}/.test(alpine.stdout), "ostree names the booted deployment");
    expect(/Read-only file system/.test(alpine.stderr), "a write to /usr is refused");
    expect(alpine.stdout.includes(PAGE), "the web server answers");
  });
  const alpineBoot = await bootIdOf(vps);
  expect(alpineBoot !== debianBoot, "it is another boot");

  section("The same again: nothing to do");
  const again = await steps.take("up without changes", () => stack.up());
  expect(again.changes === 0, "no resource changed");
  expect((await bootIdOf(vps)) === alpineBoot, "no reboot");

  section("One package more");
  stack.server.packages = ["tree"];
  const more = await steps.take("preview", () => stack.preview());
  for (const line of more.lines) say(line);
  expect(/\+ tree /.test(more.text), "preview names the package");
  const updated = await steps.take(
    "up: delta, trial boot, confirm",
    () => stack.up(),
    (o) => o.sent,
  );
  const share = (updated.sent / up.sent) * 100;
  say(`${bytes(updated.sent)} were sent, ${share.toFixed(2)} % of the first ${bytes(up.sent)}`);
  expect(share <= 2, "the update is at most 2 % of the first transfer");
  expect((await bootIdOf(vps)) !== alpineBoot, "it runs after a reboot");
  expect((await vps.ssh("tree --version")).exitCode === 0, "the package is there");

  section("An update that breaks the web server");
  stack.server.port = '"eighty"';
  const bad = await steps.take("up: health check fails, the server goes back", () => stack.failingUp());
  for (const line of bad.reasons) say(line);
  expect(WORDS.unhealthy.test(bad.text), "Pulumi's error names the health check");
  const back = await vps.ssh("ostree admin status; wget -qO- http://127.0.0.1/");
  expect(
    back.stdout.includes(updated.booted.checksum) && back.stdout.includes(PAGE),
    "the previous deployment runs and serves",
  );
  const refused = await steps.take("up: refused", () => stack.failingUp());
  for (const line of refused.reasons) say(line);
  expect(WORDS.refused.test(refused.text), "the same commit is not booted again");
  const seen = await steps.take("refresh", () => stack.refresh());
  expect(seen.booted.checksum === updated.booted.checksum, "refresh sees what runs");

  section("The same commit as a disk image");
  stack.server.port = undefined;
  stack.server.image = true;
  stack.server.authorizedKeys = [stack.publicKey];
  const image = await steps.take(
    "up: image, and the server follows",
    () => stack.up(),
    (o) => o.sent,
  );
  await steps.take("the image boots in QEMU", async () => {
    await mkdir(join(work, "image"));
    const disk = await stack.unpack(image.image!, join(work, "image"));
    const copy = await startVps({ base: { disk }, dir: join(work, "image"), log: say });
    try {
      await copy.waitSsh(600_000);
      const status = await copy.ssh("hostname; ostree admin status");
      say(status.stdout.trim().split("\n").join(", "));
      expect(status.stdout.includes(image.booted.checksum), "root logs in, and the same commit runs");
    } finally {
      await copy.stop();
    }
  });

  section("pulumi destroy: Debian again");
  await steps.take("destroy", () => stack.destroy());
  const debian = await vps.ssh(". /etc/os-release; echo $ID; ls -d /ostree /boot/grub/pine 2>/dev/null");
  expect(debian.stdout.trim() === "debian", "Debian answers with its own host key; nothing of ours is beside it");
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    void end().then(() => process.exit(130));
  });
async function end(): Promise<void> {
  for (const step of ending.splice(0)) await step().catch((error: unknown) => say(String(error)));
}

try {
  await main();
  steps.table();
  section("All of it held.");
} catch (error) {
  steps.table();
  console.error(`\ndemo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await end();
}
