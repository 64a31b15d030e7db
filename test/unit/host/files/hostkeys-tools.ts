/**
 * Systems with SSH servers and keys of their own, made by OpenSSH's and dropbear's programs, for the tests of
 * hostkeys.sh.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HELD, hostKeysScript } from "../../../../provider/host/scripts.ts";

/** Of this file's tests; whoever imports it removes it. */
export const work = mkdtempSync(join(tmpdir(), "pine-hostkeys-"));
export type Server = "dropbear" | "openssh";
export const TYPES = ["rsa", "ecdsa", "ed25519"];
export const SERVERS: Server[] = ["dropbear", "openssh"];

export const place = (root: string, server: Server, type: string) =>
  join(root, server === "openssh" ? `etc/ssh/ssh_host_${type}_key` : `etc/dropbear/dropbear_${type}_host_key`);
const put = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
export const sh = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: "utf8", stdio: "pipe" });

/**
 * What of the service and the program makes a system have an SSH server. The link is absolute, as OpenRC's: it leads
 * nowhere from here.
 */
function serve(root: string, server: Server): void {
  const name = server === "openssh" ? "sshd" : "dropbear";
  mkdirSync(join(root, "etc/runlevels/default"), { recursive: true });
  symlinkSync(`/etc/init.d/${name}`, join(root, "etc/runlevels/default", name));
  put(join(root, "usr/sbin", name), "");
}

/** A program of this machine with the libraries it needs. */
function copyProgram(root: string, name: string): void {
  const program = sh("sh", "-c", `command -v ${name}`).trim();
  const libraries = [...sh("ldd", program).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((m) => m[1]!);
  for (const [from, to] of [[program, `/usr/bin/${name}`], ...libraries.map((l) => [l, l])] as [string, string][]) {
    mkdirSync(join(root, dirname(to)), { recursive: true });
    copyFileSync(from, join(root, to));
  }
}

/** A deployment with the programs that an image with these servers has: dropbearkey is dropbear's own. */
export function deployment(...servers: Server[]): string {
  const root = mkdtempSync(join(work, "deployment-"));
  mkdirSync(join(root, "dev"));
  put(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  put(join(root, "etc/shadow"), "root:*::0:::::\n");
  const programs = { dropbear: "dropbearkey", openssh: "ssh-keygen" };
  for (const name of ["dropbearconvert", ...servers.map((s) => programs[s])]) copyProgram(root, name);
  for (const server of servers) serve(root, server);
  return root;
}

/** A system that runs, with keys made by the programs of its server. */
export function system(server: Server, types = TYPES): string {
  const root = mkdtempSync(join(work, "running-"));
  serve(root, server);
  for (const type of types) giveKey(root, server, type);
  return root;
}

/**
 * A key made by the server's own program: by default the one every running system here has. Each is made once, as RSA
 * takes its time.
 */
export function giveKey(
  root: string,
  server: Server,
  type: string,
  which: "the key" | "another" | "old format" = "the key",
): void {
  const made = join(work, `${which}-${server}-${type}`);
  if (!existsSync(made)) {
    if (server === "dropbear") sh("dropbearkey", "-t", type, "-f", made);
    else sh("ssh-keygen", "-q", "-t", type, "-N", "", "-f", made, ...(which === "old format" ? ["-m", "PEM"] : []));
  }
  const path = place(root, server, type);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(made, path);
  if (server === "openssh") copyFileSync(`${made}.pub`, `${path}.pub`);
}

export function publicKey(root: string, server: Server, type: string): string {
  const path = place(root, server, type);
  const said =
    server === "dropbear" ? sh("dropbearkey", "-y", "-f", path) : sh("ssh-keygen", "-y", "-P", "", "-f", path);
  return /^(ssh|ecdsa)-\S+ \S+/m.exec(said)![0];
}

/**
 * Runs the script as the server's shell does, in a user namespace for who is not root. `keys`: as facts found them;
 * else the script looks.
 */
export function keep(running: string, root: string, none = "some", ports = "22", keys: string[] = []) {
  const by = process.getuid?.() === 0 ? [] : ["unshare", "--user", "--map-root-user", "--mount"];
  const [file, ...rest] = [...by, "sh", "-s", root, none, ports, ...keys] as [string, ...string[]];
  const env = { ...process.env, PINE_RUNNING: running };
  const r = spawnSync(file, rest, { input: hostKeysScript().replace(HELD, ""), encoding: "utf8", env });
  return { code: r.status, stdout: r.stdout.trim(), stderr: r.stderr.trim() };
}

/** Every file of /etc/ssh and /etc/dropbear, "name mode". */
export const keyFiles = (root: string) =>
  ["etc/dropbear", "etc/ssh"].flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder))
          .filter((name) => !name.startsWith("sshd_config"))
          .map((name) => `${name} ${(statSync(join(root, folder, name)).mode & 0o777).toString(8)}`)
          .sort()
      : [],
  );
export const filesOf: Record<Server, string[]> = {
  dropbear: TYPES.map((t) => `dropbear_${t}_host_key 600`).sort(),
  openssh: TYPES.flatMap((t) => [`ssh_host_${t}_key 600`, `ssh_host_${t}_key.pub 644`]).sort(),
};
