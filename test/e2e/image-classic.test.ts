/**
 * The classic profile on a machine: every service that is declared starts, the settings are what was asked for, and
 * extras do what they are for.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskImage as buildImage } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { readRootfs } from "../../provider/image/tree/record.ts";
import { run } from "../../provider/local/run.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { labKey } from "../lab/vps/key.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";

/** Boot of an emulated machine, at most: two of them on a loaded machine with two cores, and then some. */
const BOOT_MS = 900_000;

let lab: ImageLab;
let vps: Vps;
let life: Life;
beforeAll(async () => {
  lab = await startImageLab();
  const store = await lab.ownStore();
  life = new Life(rootfs, lab.config(store));
  const key = (await labKey()).public;
  await life.up({
    profile: "classic",
    sshServer: "openssh",
    authorizedKeys: [key],
    users: [{ name: "ann", authorizedKeys: [key], groups: ["wheel"], sudo: true }],
    timezone: "Europe/Berlin",
    locale: "C.UTF-8",
    keymap: "de",
    nameservers: ["192.0.2.53"],
    motd: "",
    swap: { kind: "zram", percent: 50 },
    mounts: [{ device: "tmpfs", path: "/srv/ram", filesystem: "tmpfs", options: "size=1m,nofail" }],
    loadModules: ["tun"],
    packages: ["iputils-ping"],
    extras: ["backup", "bubblewrap"],
    buildCommands: ["adduser -S -D -H app"],
  });
  const record = (await readRootfs(store, life.state.digest))!;
  const { checksum } = await commitFromRootfs({ ...lab, store }, record, {});
  // kernels leave the check of the emulator's timer out by themselves under KVM; it can fail on a busy machine
  const options = {
    title: "classic",
    console: ["tty0", "ttyS0,115200"],
    kernelArguments: ["no_timer_check"],
    hostname: "classic",
  };
  const image = await buildImage({ ...lab, store }, checksum, options);
  const disk = join(lab.folder(), "disk.raw");
  await run("zstd", ["-q", "-d", "--sparse", image.path, "-o", disk]);
  vps = await startVps({ base: { disk }, dir: lab.folder(), firmware: "bios", memory: 512 });
  await vps.waitSsh(BOOT_MS);
});
afterAll(async () => {
  await vps?.stop();
  await lab?.end();
});

const on = async (command: string) => {
  const { stdout, stderr, exitCode } = await vps.ssh(command);
  return `${exitCode} ${stdout}${stderr}`.trim();
};

test("every service of every runlevel has started, and none crashed", async () => {
  expect(await on("for i in $(seq 240); do [ -e /run/pine.completed ] && exit; sleep 1; done; exit 1")).toBe("0");
  const status = await on("rc-status --all --nocolor 2>/dev/null || rc-status --all");
  expect(status).not.toMatch(/crashed|failed/);
  const started = (await on("ls /run/openrc/started")).slice(2).split("\n");
  for (const level of ["sysinit", "boot", "default"]) {
    const declared = (await on(`ls /etc/runlevels/${level}`)).slice(2).split("\n");
    expect(declared.length, level).toBeGreaterThan(2);
    expect(started, level).toEqual(expect.arrayContaining(declared));
  }
});

describe("settings", () => {
  test.each<[string, string, RegExp]>([
    ["sysctl", "sysctl -n vm.swappiness fs.nr_open", /^0 10\n6544018$/],
    ["limits of a service", "grep 'open files' /proc/$(pidof crond)/limits", / 917504 +917504 /],
    ["limits of a login", "sh -lc 'ulimit -n; ulimit -c'", /^0 917504\n0$/],
    ["time zone", "date +%Z", /^0 CES?T$/],
    ["locale", "sh -lc 'echo $LANG'", /^0 C\.UTF-8$/],
    ["keymap", "cat /etc/conf.d/loadkmap", /\/usr\/share\/bkeymaps\/de\/de\.bmap\.gz$/],
    ["resolver, until DHCP brings others", "cat /usr/etc/resolv.conf", /^0 nameserver 192\.0\.2\.53$/],
    ["zram", "cat /proc/swaps", /\/dev\/zram0\s.*\s100$/m],
    ["fstab", "stat -f -c %T /srv/ram", /^0 tmpfs$/],
    ["a module", "lsmod | grep -c '^tun '", /^0 1$/],
    ["huge pages", "cat /sys/kernel/mm/transparent_hugepage/enabled", /\[madvise\]/],
    ["a disk's knobs", "cat /sys/block/vda/queue/read_ahead_kb", /^0 4096$/],
    ["a hook", "id -un app", /^0 app$/],
    ["sudo", "su -s /bin/sh ann -c 'sudo -n id -u'", /^0 0$/],
  ])("%s", async (_, command, says) => expect(await on(command)).toMatch(says));
});

test("it is OpenSSH that answers, by keys alone", async () => {
  expect(await on("pidof sshd >/dev/null && ! pidof dropbear >/dev/null && echo sshd")).toBe("0 sshd");
  const settings = await on("sshd -T 2>/dev/null | sort");
  expect(settings).toMatch(/^passwordauthentication no$/m);
  expect(settings).toMatch(/^kbdinteractiveauthentication no$/m);
  expect(settings).toMatch(/^permitrootlogin (without-password|prohibit-password)$/m);
  expect(settings).toMatch(/^x11forwarding no$/m);
});

describe("extras", () => {
  test("unlock and lock", async () => {
    expect(await on("touch /usr/x")).toMatch(/Read-only/);
    expect(await on("pine-unlock && touch /usr/x && echo there")).toMatch(/^0 [\s\S]*there$/);
    expect(await on("pine-lock --force && ls /usr/x 2>&1; touch /usr/x")).toMatch(/No such file[\s\S]*Read-only/);
  });
  test("iomon runs and lets an idle disk be", async () => {
    expect(await on("rc-service pine-iomon status | tail -n 1")).toMatch(/started/);
  });
  test("tcpmon sees a reset", async () => {
    const seen = await on(
      // until it has seen one: how long tcpdump takes to begin is the machine's
      "timeout 120 tcpmon -i lo -c 1 >/tmp/rst 2>&1 & p=$!; while kill -0 $p 2>/dev/null; do nc -w 1 127.0.0.1 9 </dev/null; sleep 1; done; grep -c 'Flags \\[R' /tmp/rst",
    );
    expect(seen).toMatch(/^0 [1-9]/);
  });
  test("ssheval takes variables", async () =>
    expect(await on("SSH_ORIGINAL_COMMAND='A=1 printenv A' ssheval")).toBe("0 1"));
  test("bubblewrap runs a program", async () =>
    expect(await on("bwrap --ro-bind / / --dev /dev --unshare-pid echo inside")).toBe("0 inside"));
  test("backup to a repository of its own, and back", async () => {
    const conf = "BACKUP_REPOSITORY=/var/backup\\nBACKUP_PASSWORD_FILE=/etc/bp\\nBACKUP_PATHS=/etc/apk\\n";
    expect(await on(`umask 077; echo secret >/etc/bp; printf '${conf}' >/etc/conf.d/pine-backup; pine-backup`)).toMatch(
      /^0 /,
    );
    const restore = "restic -r /var/backup --password-file /etc/bp restore latest --target /tmp/restored >/dev/null";
    expect(await on(`${restore} && cmp /etc/apk/world /tmp/restored/etc/apk/world && echo same`)).toBe("0 same");
  });
});

test("file capabilities and setuid bits are those of the packages, and OSTree finds everything whole", async () => {
  expect(await on("stat -c '%A %U' /usr/bin/sudo")).toMatch(/^0 -[rwx-]{2}s.* root$/);
  // fsck hashes what lies on the disk, attributes too: the capability that the commit lists is that of the file
  expect(
    await on(
      "ostree ls -X --repo=/sysroot/ostree/repo $(/usr/libexec/pine/agent status | sed -n 's/^checksum=//p') /usr/bin/ping",
    ),
  ).toMatch(/security\.capability/);
  expect(await on("ostree fsck --repo=/sysroot/ostree/repo 2>&1 | tail -n 1")).toMatch(
    /^0 object fsck of 1 commits completed successfully/,
  );
});
