/**
 * Debian's sshd on 127.0.0.1 for the user who runs the tests. It is unpacked, not installed: nothing of the machine's
 * own SSH changes.
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../../../provider/host/ssh/connection.ts";
import { run } from "../../../provider/local/run.ts";
import { cachePath, exists } from "../mirror/cache.ts";
import { debianLock, fetchDebian } from "../mirror/debian.ts";
import { withLock } from "../mirror/lock.ts";
import { freePort, startProcess } from "../processes.ts";

/** sshd, and of its libraries those that a Debian without it may lack. */
const PACKAGES = ["openssh-server", "libwrap0", "libnsl2", "libtirpc3"];

/** Packages unpacked and not installed, once for these versions. The first one names the folder. */
async function unpacked(packages: string[], name: string): Promise<string> {
  const lock = await debianLock(packages);
  const first = lock.find((p) => p.name === packages[0])!;
  const folder = join(await cachePath("..", "tools"), `${name}-${first.sha256.slice(0, 16)}`);
  await withLock(`${folder}.lock`, async () => {
    if (await exists(folder)) return;
    const draft = await mkdtemp(`${folder}.`);
    for (const deb of (await fetchDebian(lock, () => {})).values()) await run("dpkg-deb", ["-x", deb, draft]);
    await rename(draft, folder);
  });
  return folder;
}

/** The path of Debian's tcsh: a login shell that is no POSIX shell. */
export const tcsh = async () => join(await unpacked(["tcsh"], "tcsh"), "bin/tcsh");

/**
 * What a server of its own needs in a mount namespace: the login's home and shell, how PAM asks it, Debian's file of
 * its options, and as root a user and a folder that sshd's package makes, and a login that is not locked.
 */
const INSIDE = `set -eu
work=$1 home=$2 shell=$3
shift 3
awk -F: -v OFS=: -v uid="$(id -u)" -v home="$home" -v shell="$shell" \
  '$3 == uid { if (home) $6 = home; if (shell) $7 = shell } { print }' /etc/passwd >"$work/passwd"
echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >>"$work/passwd"
mount --bind "$work/passwd" /etc/passwd
if [ -e "$work/default" ]; then
  mount -t tmpfs none /etc/default
  cp "$work/default" /etc/default/ssh
fi
[ ! -d "$work/pam" ] || mount --bind "$work/pam" /etc/pam.d
if [ "$(id -u)" = 0 ]; then
  echo 'root:*:19000:0:99999:7:::' >"$work/shadow"
  mount --bind "$work/shadow" /etc/shadow
  mount -t tmpfs -o mode=755 none /run
  mkdir /run/sshd
fi
mount -t tmpfs -o ro none "$work/readonly"
if [ -e "$work/again" ]; then
  trap 'kill "$(cat "$work/pid")"; exit' TERM
  "$@" & wait $! || :
  "$@" & wait $! || :
  exit
fi
exec "$@"`;

/** Holds the socket, and starts the program for each connection, as systemd's ssh.socket with Accept=yes does. */
const INETD = `import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("Server listening on", sys.argv[1], file=sys.stderr, flush=True)
started = []
while True:
  connection, _ = listener.accept()
  with connection:
    started = [p for p in started if p.poll() is None]
    started.append(subprocess.Popen(sys.argv[2:], stdin=connection, stdout=connection))
`;

export interface SshdOptions {
  /** A name among several of one folder; default "sshd". */
  name?: string;
  /** Lines of sshd_config. They come first, and so count. */
  config?: string;
  /** Options of its command line, beside its configuration. */
  options?: string[];
  /**
   * It is started for each connection, by who holds the socket, and does not listen itself; its options are Debian's
   * SSHD_OPTS.
   */
  inetd?: boolean;
  /** It can be ended and started once more, with `Sshd.again`. */
  again?: boolean;
  /** The login's shell, a path; default its own. */
  shell?: string;
  /** The login's home; default its own. */
  home?: string;
  /** Logins by password, as PAM asks for it: after `says`, a text of this server's choice. */
  pam?: { password: string; says?: string };
}

export interface Sshd {
  connection: Connection;
  /** A folder that the login cannot write. */
  readonly: string;
  /** Ends it, but for its connections, and starts it once more with these lines of sshd_config before its own. */
  again(config: string): Promise<void>;
  /** Passwords that were given to it. */
  got(): Promise<string[]>;
  end(): Promise<unknown>;
}

async function writePam(work: string, pam: { password: string; says?: string }): Promise<void> {
  await mkdir(join(work, "pam"));
  await writeFile(join(work, "says"), `${pam.says ?? ""}\n`);
  await writeFile(join(work, "password"), pam.password);
  const grab = `#!/bin/sh\npassword=$(tr -d '\\0')\nprintf '%s\\n' "$password" >>${work}/got\n[ "$password" = "$(cat ${work}/password)" ]\n`;
  await writeFile(join(work, "grab"), grab, { mode: 0o755 });
  const says = pam.says === undefined ? "" : `auth optional pam_echo.so file=${work}/says\n`;
  const stack = `${says}auth required pam_exec.so expose_authtok quiet ${work}/grab
auth optional pam_permit.so
account required pam_permit.so
session required pam_permit.so
`;
  for (const name of ["sshd", "other"]) await writeFile(join(work, "pam", name), stack);
}

/** Starts one in a folder of its own; `dir` is the test's to remove. */
export async function startSshd(dir: string, o: SshdOptions = {}): Promise<Sshd> {
  const tree = await unpacked(PACKAGES, "sshd");
  const port = await freePort();
  const work = join(dir, o.name ?? "sshd");
  const readonly = join(work, "readonly");
  // a session's too: it may start this sshd to ask what it says of itself
  const libraries = join(tree, "usr/lib/x86_64-linux-gnu");
  const config = configOf(o, work, port, libraries);
  await mkdir(work, { mode: 0o700 });
  await mkdir(readonly, { mode: 0o500 });
  for (const name of ["host", "login"])
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(work, name)]);
  if (o.pam) await writePam(work, o.pam);
  await writeFile(join(work, "config"), config);
  if (o.again) await writeFile(join(work, "again"), "");
  if (o.inetd) await writeFile(join(work, "default"), `SSHD_OPTS="-f ${work}/config"\n`);
  const server = startServer(o, work, programOf(o, tree, work, port), libraries);
  await server.listens();
  const text = (name: string) => readFile(join(work, name), "utf8");
  const connection = {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    privateKey: await text("login"),
    hostKey: (await text("host.pub")).split(" ").slice(0, 2).join(" "),
  };
  const got = async () => (await text("got").catch(() => "")).split("\n").filter(Boolean);
  const again = async (lines: string) => {
    await writeFile(join(work, "config"), `${lines}\n${config}`);
    server.said = "";
    process.kill(Number(await text("pid")));
    await server.listens();
  };
  const end = async () => {
    await server.end();
    await rm(work, { recursive: true });
  };
  return { connection, readonly, again, got, end };
}

const configOf = (o: SshdOptions, work: string, port: number, libraries: string) => `${o.config ?? ""}
Port ${port}
ListenAddress 127.0.0.1
HostKey ${work}/host
AuthorizedKeysFile ${work}/login.pub
PidFile ${work}/pid
UsePAM ${o.pam ? "yes\nPermitRootLogin yes" : "no"}
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication ${o.pam ? "yes" : "no"}
MaxStartups 100
SetEnv LD_LIBRARY_PATH=${libraries}
`;

/** sshd, or who holds its socket. */
function programOf(o: SshdOptions, tree: string, work: string, port: number): string[] {
  const program = [join(tree, "usr/sbin/sshd"), o.inetd ? "-i" : "-D", "-e", "-f", join(work, "config")];
  program.push(...(o.options ?? []));
  return o.inetd ? ["python3", "-c", INETD, `${port}`, ...program] : program;
}

/** Starts it in a mount namespace. */
function startServer(o: SshdOptions, work: string, program: string[], libraries: string) {
  const root = process.getuid?.() === 0;
  // a session may then look at sshd's processes, as root may
  const user = root ? [] : ["--user", "--map-current-user", "--keep-caps"];
  const args = [...user, "--mount", "sh", "-c", INSIDE, "sh", work, o.home ?? "", o.shell ?? "", ...program];
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  const { child, ended } = startProcess("sshd", "unshare", args, {
    cwd: "/",
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let over = false;
  ended.then(() => {
    over = true;
  });
  const server = {
    /** Its words since the start, or since they were emptied. */
    said: "",
    async listens() {
      while (!/Server listening on/.test(server.said)) {
        if (over) throw new Error(`sshd did not start: ${server.said}`);
        await sleep(20);
      }
    },
    async end() {
      child.kill();
      await ended;
    },
  };
  child.stderr!.on("data", (chunk) => {
    server.said += chunk;
  });
  return server;
}
