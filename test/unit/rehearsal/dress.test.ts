/** A sysroot becomes one server's, in both shells, on a made-up tree. Owners are noted, since a test may set none. */
import { chmodSync, existsSync, lstatSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { makeServer, plant, runOn, SHELLS, type Shell, workFolder } from "../system/a-server.ts";

const DEPLOYMENT = `/ostree/deploy/pine/deploy/${"c".repeat(64)}.0`;
const TOP = "made/root";
const at = (path: string) => join(TOP, DEPLOYMENT, path);
const VAR = join(TOP, "ostree/deploy/pine/var");

/** `files`: lines of the list, and contents by their number. */
async function dressed(shell: Shell, files: [mode: string, owner: string, path: string, content: string][], more = {}) {
  const work = workFolder();
  const root = join(work, "root");
  makeServer(root, shell);
  plant(root, {
    [at("etc/passwd")]: "root:x:0:0::/root:/bin/sh\nweb:x:101:102::/:/bin/false\n",
    [at("etc/group")]: "root:x:0:\nweb:x:102:web\nstaff:x:50:\n",
    [at("etc/init.d/")]: "",
    [at("etc/hostname")]: "pine\n",
    [at("usr/libexec/pine/factory")]: assetText("system/rootfs/usr/libexec/pine/factory"),
    [at("usr/share/factory/var/roothome/.profile")]: "of the image",
    [at("usr/share/factory/var/srv/")]: "",
    [`${VAR}/`]: "",
    "made/settings": 'ports="22"\n',
    "made/files/list": files.map(([mode, owner, path], n) => `${n}\t${mode}\t${owner}\t${path}\n`).join(""),
    ...Object.fromEntries(files.map(([, , , content], n) => [`made/files/${n}`, content])),
    "sbin/chown": '#!/bin/sh\necho "$1 ${2##*/}" >>/owners\n',
    ...more,
  });
  chmodSync(join(root, "sbin/chown"), 0o755);
  chmodSync(join(root, at("usr/share/factory/var/roothome")), 0o700);
  const begin = `mkdir /run/work && mount --bind /made /run/work
for name in guest service; do echo "$name" >/run/$name.sh; done`;
  const steps = [begin, assetText("rehearsal/dress.sh")].map((script) => ({ script, args: [DEPLOYMENT] }));
  const ran = await runOn(root, steps);
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  return {
    ...ran,
    root,
    read,
    mode: (path: string) => lstatSync(join(root, path)).mode & 0o777,
    end: () => rmSync(work, { recursive: true }),
  };
}

describe.each(SHELLS)("%s", (shell) => {
  it("puts files where the system's links lead, with modes and the system's own ids", async () => {
    const made = await dressed(shell, [
      ["0644", "root:root", "/etc/hostname", "web-1\n"],
      ["0600", "root:root", "/root/.ssh/authorized_keys", "ssh-ed25519 AAAA\n"],
      ["0640", "web:staff", "/srv/www/a b", "page"],
      ["0400", "7:8", "/var/lib/x/token", "hush"],
    ]);
    try {
      expect([made.code, made.stderr]).toEqual([0, ""]);
      expect(made.read(at("etc/hostname"))).toBe("web-1\n");
      expect(made.read(join(VAR, "roothome/.ssh/authorized_keys"))).toBe("ssh-ed25519 AAAA\n");
      expect(made.read(join(VAR, "roothome/.profile"))).toBe("of the image");
      expect(made.mode(join(VAR, "roothome"))).toBe(0o700);
      expect([made.read(join(VAR, "srv/www/a b")), made.mode(join(VAR, "srv/www/a b"))]).toEqual(["page", 0o640]);
      expect([made.read(join(VAR, "lib/x/token")), made.mode(join(VAR, "lib/x/token"))]).toEqual(["hush", 0o400]);
      expect(made.read("owners")).toContain("0:0 hostname\n0:0 authorized_keys\n101:50 a b\n7:8 token\n");
      // its service starts early, and nothing is left of what it was made from
      expect(readlinkSync(join(made.root, at("etc/runlevels/boot/pine-rehearsal")))).toBe("/etc/init.d/pine-rehearsal");
      expect(made.read(at("etc/conf.d/pine-rehearsal"))).toBe('ports="22"\n');
      expect([made.mode(at("etc/pine-rehearsal/guest")), made.mode(at("etc/init.d/pine-rehearsal"))]).toEqual([
        0o755, 0o755,
      ]);
      expect(["files", "settings"].filter((name) => existsSync(join(made.root, "made", name)))).toEqual([]);
    } finally {
      made.end();
    }
  });

  it.each<[string, [string, string, string], Record<string, string>, RegExp]>([
    ["a user that the system lacks", ["0600", "db:root", "/etc/x"], {}, /no entry db in \/etc\/passwd/],
    ["a place that is no server's", ["0600", "root:root", "/usr/x"], {}, /^pine: \/usr\/x: no place/],
    [
      "a folder that is a link out of the system",
      ["0600", "root:root", "/etc/out/x"],
      { [at("etc/out")]: "-> /outside", "outside/": "" },
      /its folder is a link that leads out/,
    ],
  ])("refuses %s", async (_, [mode, owner, path], more, problem) => {
    const made = await dressed(shell, [[mode, owner, path, "content"]], more);
    try {
      expect([made.code === 0, made.stderr]).toEqual([false, expect.stringMatching(problem)]);
      expect(existsSync(join(made.root, "outside/x"))).toBe(false);
    } finally {
      made.end();
    }
  });

  it("replaces a link of the image, and writes nothing through it", async () => {
    const more = { [at("etc/x")]: "-> /outside/x", "outside/x": "as it was" };
    const made = await dressed(shell, [["0600", "root:root", "/etc/x", "new"]], more);
    try {
      expect([made.code, made.read(at("etc/x")), made.read("outside/x")]).toEqual([0, "new", "as it was"]);
    } finally {
      made.end();
    }
  });
});
