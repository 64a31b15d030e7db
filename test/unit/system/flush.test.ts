/**
 * What our scripts flush where a mount does not answer (libexec/pine/flush): `sync` is a program that hangs when it is
 * asked for everything.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import {
  agentScript,
  finalizeScript,
  HELD,
  installScript,
  removeScript,
  trustScript,
  updateScript,
} from "../../../provider/host/scripts.ts";

const FLUSH = assetText("system/rootfs/usr/libexec/pine/flush");

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "pine-flush-"));
  mkdirSync(join(work, "bin"));
});
afterEach(() => rmSync(work, { recursive: true }));
const program = (name: string, text: string) => {
  writeFileSync(join(work, "bin", name), `#!/bin/sh\n${text}`);
  chmodSync(join(work, "bin", name), 0o755);
};
/** Notes what it is asked; for everything it hangs, as with a dead NFS. `help`: what it says of itself. */
const aSync = (help: string) =>
  program(
    "sync",
    `case \${1:-} in --help) echo '${help}' ;; '') echo all >>"${work}/asked"; exec sleep 120 ;; *) echo "$@" >>"${work}/asked" ;; esac\n`,
  );
const asked = () =>
  existsSync(join(work, "asked")) ? readFileSync(join(work, "asked"), "utf8").trim().split("\n") : [];
const MOUNTS = `/dev/vda1 / ext4 rw 0 0
192.0.2.9:/export /srv/share nfs4 rw,hard 0 0
nfsd /proc/fs/nfsd nfsd rw 0 0
`;

describe.each([["dash"], ["busybox", "sh"]])("%s", (...shell) => {
  const run = (script: string, args: string[] = []) => {
    writeFileSync(join(work, "mounts"), MOUNTS);
    const text = script.replace("/proc/mounts", join(work, "mounts")).replace("flush_seconds=60", "flush_seconds=1");
    const env = { PATH: `${join(work, "bin")}:${process.env.PATH}` };
    const [file, ...rest] = [...shell, "-c", text, "script", ...args] as [string, ...string[]];
    const r = spawnSync(file, rest, { env, encoding: "utf8", timeout: 100_000 });
    return { code: r.status, stderr: r.stderr.trim() };
  };

  it("where sync knows file systems: those that we write to, and no others", () => {
    aSync("  -f, --file-system");
    expect(run(`set -eu\n${FLUSH}\nflush_more=${work}\nsync\nsync ${work}/file`)).toEqual({
      code: 0,
      stderr: "",
    });
    const folders = ["/", "/sysroot", "/boot", "/boot/efi", "/boot/grub/pine", work].filter((f) => existsSync(f));
    expect(asked()).toEqual([...folders.map((f) => `-f ${f}`), `${work}/file`]);
  });
  it("one that fails is no flush: the script ends", () => {
    program("sync", "case $1 in --help) echo ' -f' ;; *) echo 'Input/output error' >&2; exit 1 ;; esac\n");
    expect(run(`set -eu\n${FLUSH}\nsync\necho on >&2`)).toEqual({ code: 1, stderr: "Input/output error" });
  });
  it("where it knows none, and hangs: told with what may hang, and nothing after it is done", () => {
    aSync("Force changed blocks to disk");
    const { code, stderr } = run(`set -eu\n${FLUSH}\nsync\necho on >&2`);
    expect([code, asked()]).toEqual([1, ["all"]]);
    expect(stderr).toBe(
      "pine: writing to the disk did not end within 1 s: a mount does not answer, one of /srv/share (nfs4); umount -l it, and run it again",
    );
  });
  it("where it knows none, and ends", () => {
    program("sync", `echo all >>"${work}/asked"\n`);
    expect(run(`set -eu\n${FLUSH}\nsync ${work}/file\nsync`).code).toBe(0);
    expect(asked().filter((l) => l === "all").length).toBeGreaterThanOrEqual(2);
  });
  it("every script that writes on a server has it before its own text", () => {
    const scripts = [
      agentScript(),
      installScript(),
      updateScript(),
      removeScript(),
      finalizeScript(true),
      finalizeScript(false),
      trustScript(),
    ];
    for (const text of scripts) expect(text.replace(HELD, "").startsWith(FLUSH)).toBe(true);
  });
});

it("a container's dead-man restarts it though sync would never end", () => {
  const init = assetText("system/container/init").replace(/\nif \[ \$\$ != 1 \][\s\S]*$/, "\n");
  // in place of musl's loader; sync and a reboot that flushes hang
  writeFileSync(
    join(work, "ld.so"),
    `#!/bin/sh
shift
echo "$@" >>"${work}/asked"
case "$*" in sync* | "reboot -f") exec sleep 120 ;; reboot*) exit ;; esac
exec busybox "$@"
`,
  );
  chmodSync(join(work, "ld.so"), 0o755);
  mkdirSync(join(work, "run"));
  const text = `${init}\ncd "$PINE_BASE"\ndead_man 1\nwait`;
  execFileSync("busybox", ["sh", "-c", text], { env: { PATH: process.env.PATH, PINE_BASE: work }, timeout: 100_000 });
  expect(asked()).toEqual(["mkfifo run/pine.ctl", "reboot -n -f"]);
});
