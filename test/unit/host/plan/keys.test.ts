/**
 * Lines of authorized_keys as plan-keys writes them, tried by logins at the real dropbear on 127.0.0.1, in a mount
 * namespace of its own.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { keptKeys } from "../../../../provider/host/plan/keys.ts";

const work = mkdtempSync(join(tmpdir(), "pine-dropbear-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Each file of keys/ is tried once: `echo way in`, and `ssh -tt` for a terminal. Ends the server. */
const SCRIPT = `set -u
mount --bind "$1/home" "$2" || exit 1
dropbear -F -E -s -p "127.0.0.1:$3" -r "$1/host" -P "$1/pid" 2>"$1/log" &
server=$!
trap 'kill $server' EXIT
login() { ssh -F none -n -o BatchMode=yes -o IdentityAgent=none -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i "$1/key" -p "$2" "$3@127.0.0.1" "$4" 2>/dev/null; }
for n in $(seq 50); do grep -q 'Not backgrounding' "$1/log" && break; sleep 0.1; done
for file in "$1"/keys/*; do
  cp "$file" "$2/.ssh/authorized_keys"; chmod 600 "$2/.ssh/authorized_keys"
  said=$(login "$1" "$3" "$4" 'echo way in') || said="refused"
  echo "\${file##*/} $said"
done`;

let bare: string;
let port: number;
beforeAll(async () => {
  mkdirSync(join(work, "home/.ssh"), { recursive: true, mode: 0o700 });
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(work, "key")]);
  execFileSync("dropbearkey", ["-t", "ed25519", "-f", join(work, "host")], { stdio: "pipe" });
  bare = readFileSync(join(work, "key.pub"), "utf8").split(" ").slice(0, 2).join(" ");
  port = await new Promise<number>((done) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address() as { port: number };
      s.close(() => done(port));
    });
  });
});

/** What a login says with each of these files. */
function logins(files: string[]): string[] {
  rmSync(join(work, "keys"), { recursive: true, force: true });
  mkdirSync(join(work, "keys"));
  for (const [n, text] of files.entries()) writeFileSync(join(work, "keys", String(n).padStart(3, "0")), `${text}\n`);
  const ns = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-current-user", "--keep-caps", "--mount"];
  const args = [...ns, "sh", "-s", work, homedir(), String(port), userInfo().username];
  const r = spawnSync("unshare", args, { input: SCRIPT, encoding: "utf8" });
  const said = r.stdout
    .trim()
    .split("\n")
    .map((l) => l.replace(/^\d+ /, ""));
  expect(said.length, r.stderr).toBe(files.length);
  return said;
}

it("dropbear takes every line that is written for it, and none that is left out would have been taken", {
  timeout: 120_000,
}, () => {
  const given: [string, string][] = [
    ["", "way in"],
    ...[
      "no-pty",
      "no-port-forwarding",
      "no-agent-forwarding",
      "no-X11-forwarding",
      "restrict",
      "restrict,pty,port-forwarding",
      "no-user-rc",
      "user-rc",
      "pty",
    ].map((o): [string, string] => [o, "way in"]),
    ...[
      'tunnel="0"',
      'permitopen="127.0.0.1:80"',
      'permitopen="localhost:*"',
      "no-touch-required",
      "verify-required",
      "NO-PTY",
      "no-pty,,no-user-rc,",
    ].map((o): [string, string] => [o, "way in"]),
    ['command="echo a, b; true"', "a, b"],
    ['no-pty,Command="echo forced",no-user-rc', "forced"],
  ];
  const kept = given.map(
    ([options]) => keptKeys([`${options} \t ${bare.replace(" ", "  ")}   me\r`], [], [], "dropbear").lines,
  );
  expect(kept.map((l) => l.length)).toEqual(given.map(() => 1));
  expect(logins(kept.flat()).join("\n")).toBe(given.map(([, said]) => said).join("\n"));
  const unknown = [
    'from="127.0.0.1"',
    'environment="A=B"',
    'expiry-time="20990101"',
    'permitlisten="80"',
    'principals="a"',
  ];
  expect(unknown.flatMap((o) => keptKeys([`${o} ${bare}`], [], [], "dropbear").lines)).toEqual([]);
  // so leaving them out takes nothing away, and writing the lines anew is needed
  expect(
    new Set(logins([...unknown.map((o) => `${o} ${bare}`), bare.replace(" ", "  "), ` ${bare}`, `no-user-rc ${bare}`])),
  ).toEqual(new Set(["refused"]));
});
