/** What is told of /etc: a real OSTree's comparison, and what of it is a person's making. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { etcChanges, isOwn, namesOf, parseEtcChanges } from "../../../../provider/host/files/etc-changes.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { Sysroot } from "../../system/sysroot-tools.ts";

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let s: Sysroot;
  let etc = "";
  /** /usr is this machine's in there. */
  const image = () => `export PINE_USR_ETC=/sysroot/ostree/deploy/pine/deploy/${s.first}.0/usr/etc`;
  /** The real script in the booted slot, instead of over SSH. */
  const there = {
    exec: (script: string, args: string[]) => s.on("a", `${image()}\n${script}`, args),
  } as unknown as Ssh;
  const put = (path: string, text: string) => {
    mkdirSync(join(etc, path, ".."), { recursive: true });
    writeFileSync(join(etc, path), text);
  };
  const inDeployment = (command: string) => s.on("a", command, []);

  beforeAll(async () => {
    s = await Sysroot.make({
      motd: "welcome\n",
      issue: "issue\n",
      "app/app.conf": "port 80\n",
      fstab: "tmpfs /tmp tmpfs nosuid 0 0\n",
      "conf.d/dropbear": 'DROPBEAR_OPTS="-s"\n',
    });
    s.shell = shell;
    etc = join(s.root, "ostree/deploy/pine/deploy", `${s.first}.0`, "etc");
  });
  afterAll(() => s?.end());

  it("says nothing of a server as Pine left it", async () => {
    put("hostname", "web-1\n");
    put("hosts", "127.0.0.1 web-1\n");
    put("network/interfaces", "auto lo\n");
    put("mactab", "eth0 52:54:00:12:34:56\n");
    put("resolv.conf", "nameserver 192.0.2.1\n");
    put("dropbear/dropbear_ed25519_host_key", "a key");
    put("ssh/ssh_host_rsa_key.pub", "a key");
    put("ssh/sshd_config.d/40-pine-port.conf", "Port 2222\n");
    put(
      "fstab",
      "tmpfs /tmp tmpfs nosuid 0 0\nUUID=1\tnone\tswap\tsw\t0 0\nUUID=2 none swap sw 0 0\nLABEL=data\t/srv/data\text4\tdefaults,noatime\t0 0\n",
    );
    put(
      "conf.d/dropbear",
      'DROPBEAR_OPTS="-s"\nDROPBEAR_OPTS="$DROPBEAR_OPTS -p 2222" # pine: where this server\'s connections come in\n',
    );
    put("pine-demo/token", "of the program");
    await inDeployment("chmod 700 /etc/dropbear; touch -d '2001-01-01 00:00' /etc/motd");
    expect(await etcChanges(there, ["/etc/pine-demo/token"])).toEqual({ files: [], more: 0, fixed: [] });
  });

  it("tells what a person changed, added and removed, and what the program fixes although it is the image's", async () => {
    put("motd", "by hand\n");
    put("own/deep/file", "by hand\n");
    await inDeployment("rm /etc/issue; chmod 600 /etc/app/app.conf");
    put("fstab", "tmpfs /tmp tmpfs nosuid 0 0\n/dev/sdb1 /mnt ext4 defaults 0 0\n");
    put("conf.d/dropbear", 'DROPBEAR_OPTS="-s -w"\n');
    const { files, more, fixed } = await etcChanges(there, ["/etc/pine-demo/token", "/etc/release", "/srv/x"]);
    expect(files.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: "/etc/app/app.conf", change: "changed" },
      { path: "/etc/conf.d/dropbear", change: "changed" },
      { path: "/etc/fstab", change: "changed" },
      { path: "/etc/issue", change: "removed" },
      { path: "/etc/motd", change: "changed" },
      { path: "/etc/own/deep/file", change: "added" },
    ]);
    expect({ more, fixed }).toEqual({ more: 0, fixed: ["/etc/release"] });
    // the program's own are compared by themselves
    const given = (await etcChanges(there, ["/etc/motd", "/etc/own/deep/file", "/etc/pine-demo/token"])).files;
    expect(given.map(({ path }) => path)).not.toEqual(expect.arrayContaining(["/etc/motd"]));
    expect(given).toHaveLength(4);
  });

  it("keeps a list short, and says how much is left out", async () => {
    await inDeployment("mkdir -p /etc/many; n=0; while [ $n -lt 2100 ]; do : >/etc/many/$n; n=$((n + 1)); done");
    const { files, more } = await etcChanges(there, []);
    expect(files).toHaveLength(100);
    // the folder itself may be among what was sent
    expect(files.length + more).toBeGreaterThanOrEqual(2100);
    expect(files.length + more).toBeLessThanOrEqual(2110);
    expect(namesOf({ files, more })).toMatch(new RegExp(`^(/etc/\\S+( \\(\\w+\\))?, ){9}.* and ${90 + more} more$`));
  });
});

it("a name cannot bring a line of its own, nor control characters", () => {
  const told = parseEtcChanges("total=2\nA a\u001b[31m\n\nM b\n", []);
  expect(told.files.map(({ path }) => path)).toEqual(["/etc/a?[31m", "/etc/b"]);
});

it.each(["/etc/hostname", "/etc/adjtime", "/etc/app/.pine.aB3xYz/new", "/etc/dropbear/dropbear_rsa_host_key"])(
  "%s is Pine's or the system's",
  (path) => expect(isOwn(path)).toBe(true),
);
it.each(["/etc/hostname.d", "/etc/ssh/sshd_config", "/etc/dropbear/other", "/etc/fstab", "/etc/pine/health.d/x"])(
  "%s is a person's",
  (path) => expect(isOwn(path)).toBe(false),
);
