/** Debian's sshd on 127.0.0.1 for the user who runs the tests. It is unpacked, not installed: nothing of the machine's own SSH changes. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../../../provider/host/connection-type.ts";
import { run } from "../../../provider/run.ts";
import { cachePath, exists } from "../mirror/cache.ts";
import { debianLock, fetchDebian } from "../mirror/debian.ts";
import { withLock } from "../mirror/lock.ts";
import { startProcess } from "../processes.ts";

/** sshd, and of its libraries those that a Debian without it may lack. */
const PACKAGES = ["openssh-server", "libwrap0", "libnsl2", "libtirpc3"];

/** The unpacked packages, once for these versions. */
async function unpacked(): Promise<string> {
  const lock = await debianLock(PACKAGES);
  const server = lock.find((p) => p.name === "openssh-server")!;
  const folder = join(await cachePath("..", "tools"), `sshd-${server.sha256.slice(0, 16)}`);
  await withLock(`${folder}.lock`, async () => {
    if (await exists(folder)) return;
    const draft = await mkdtemp(`${folder}.`);
    for (const deb of (await fetchDebian(lock, () => {})).values()) await run("dpkg-deb", ["-x", deb, draft]);
    await rename(draft, folder);
  });
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** As root sshd wants a user and a folder that its package makes, and a login that is not locked: it gets them in a mount namespace. */
const AS_ROOT = `set -eu
cp /etc/passwd "$1/passwd"
echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >>"$1/passwd"
echo 'root:*:19000:0:99999:7:::' >"$1/shadow"
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs -o mode=755 none /run
mkdir /run/sshd
mount -t tmpfs -o ro none "$1/readonly"
shift
exec "$@"`;

/** Starts one in a folder of its own; `dir` is the test's to remove. `readonly`: a folder that the login cannot write. */
export async function startSshd(
  dir: string,
): Promise<{ connection: Connection; readonly: string; end: () => Promise<unknown> }> {
  const tree = await unpacked();
  const port = await freePort();
  const work = join(dir, "sshd");
  await mkdir(work, { mode: 0o700 });
  const readonly = join(work, "readonly");
  await mkdir(readonly, { mode: 0o500 });
  for (const name of ["host", "login"])
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(work, name)]);
  const config = `Port ${port}
ListenAddress 127.0.0.1
HostKey ${work}/host
AuthorizedKeysFile ${work}/login.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
MaxStartups 100
`;
  await writeFile(join(work, "config"), config);
  const sshd = [join(tree, "usr/sbin/sshd"), "-D", "-e", "-f", join(work, "config")];
  const root = process.getuid?.() === 0;
  const [file, args] = root
    ? ["unshare", ["--mount", "sh", "-c", AS_ROOT, "sh", work, ...sshd]]
    : [sshd[0]!, sshd.slice(1)];
  const env = { ...process.env, LD_LIBRARY_PATH: join(tree, "usr/lib/x86_64-linux-gnu") };
  const server = startProcess("sshd", file as string, args as string[], {
    cwd: "/",
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.child.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  let over = false;
  server.ended.then(() => {
    over = true;
  });
  while (!/Server listening on/.test(said)) {
    if (over) throw new Error(`sshd did not start: ${said}`);
    await sleep(20);
  }
  const text = (name: string) => readFile(join(work, name), "utf8");
  const connection = {
    ...{ host: "127.0.0.1", port, user: userInfo().username },
    ...{ privateKey: await text("login"), hostKey: (await text("host.pub")).split(" ").slice(0, 2).join(" ") },
  };
  const end = async () => {
    server.child.kill();
    await server.ended;
    await rm(work, { recursive: true });
  };
  return { connection, readonly, end };
}
