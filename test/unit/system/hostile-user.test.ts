/**
 * A user of the server who owns a folder that root writes into: what he puts there leads root nowhere else. Two real
 * users, both shells.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { compareScript } from "../../../provider/host/scripts.ts";
import { run } from "../../../provider/local/run.ts";

/** Root of a namespace with other users in it, where the tests run as an ordinary one. */
const AS_ROOT = process.getuid?.() === 0 ? [] : ["unshare", "--map-root-user", "--map-auto"];

const folders: string[] = [];
afterEach(async () => {
  for (const dir of folders.splice(0)) {
    await run([...AS_ROOT, "find"][0]!, [...AS_ROOT, "find", dir, "-mindepth", "1", "-delete"].slice(1));
    rmSync(dir, { recursive: true });
  }
});

/** $D/joe is his; $D/etc is root's, with shadow. JOE runs a text as him. */
const PREPARE = `set -eu
umask 022
D=$1
mkdir "$D/joe" "$D/etc"
echo secret >"$D/etc/shadow"
chmod 600 "$D/etc/shadow"
chown 1000:1000 "$D/joe"
joe() { setpriv --reuid=1000 --regid=1000 --clear-groups sh -c "$1" sh "$D"; }
root() { $SHELL_OF_ROOT -euc "$SAFELY
\\"\\$@\\"" sh "$@"; }
look() { $SHELL_OF_ROOT -c "$COMPARE" sh "$@"; }
`;

describe.each([["dash"], ["busybox sh"]])("by %s", (shell) => {
  async function attack(script: string): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), "pine-hostile-"));
    folders.push(dir);
    chmodSync(dir, 0o755);
    const safely = `${assetText("host/files/safely.sh")}\neval "$safely"`;
    const env = { PATH: process.env.PATH!, SHELL_OF_ROOT: shell, SAFELY: safely, COMPARE: compareScript() };
    const [file, ...args] = [...AS_ROOT, "sh", "-c", `${PREPARE}${script}`, "sh", dir];
    const { stdout } = await run(file!, args, { env, timeout: 150_000 });
    return `${stdout.trimEnd().replaceAll(dir, "D")}\n`;
  }
  const SHADOW = `cat "$D/etc/shadow"; ls -A "$D/etc"; stat -c "%u %a" "$D/etc" "$D/etc/shadow"`;
  const UNTOUCHED = "secret\nshadow\n0 755\n0 600\n";

  test("a file is written as it should be, over a link of his too", async () => {
    const said = await attack(`joe 'mkdir -p "$1/joe/app"; ln -s "$1/etc/shadow" "$1/joe/app/config"'
echo new | root put "$D/joe/app/config" 640 1000:1000
stat -c "%F %u %a" "$D/joe/app/config"; cat "$D/joe/app/config"; ls -A "$D/joe/app"; ${SHADOW}`);
    expect(said).toBe(`regular file 1000 640\nnew\nconfig\n${UNTOUCHED}`);
  });
  test("a link in place of a folder is refused, for writing and removing", async () => {
    const said = await attack(`joe 'ln -s "$1/etc" "$1/joe/app"'
for f in config shadow; do echo new | root put "$D/joe/app/$f" 644 0:0 2>&1 || echo refused; done
root drop "$D/joe/app/shadow" 2>&1 || echo refused
${SHADOW}`);
    const why = "is a link in a folder that users other than root may write to, and is not followed";
    expect(said).toBe(
      `pine: D/joe/app/config: app ${why}\nrefused\npine: D/joe/app/shadow: app ${why}\nrefused\npine: D/joe/app/shadow: app ${why}\nrefused\n${UNTOUCHED}`,
    );
  });
  test("what only root can read is not read through a link of his", async () => {
    const said = await attack(`joe 'ln -s "$1/etc/shadow" "$1/joe/config"; ln -s "$1/etc" "$1/joe/app"'
look stat "$D/joe/config"
for f in joe/config joe/app/shadow; do look text "$D/$f" 100 2>/dev/null || echo refused; done`);
    expect(said).toBe("type=none\nrefused\nrefused\n");
  });
  test("a link that root made is followed, and folders are made behind it", async () => {
    const said = await attack(`mkdir "$D/var"; ln -s var/home "$D/home"; mkdir "$D/var/home"
echo new | root put "$D/home/a/b" 600 0:0; cat "$D/var/home/a/b"; look text "$D/home/a/b" 100; root drop "$D/home/a/b"; ls -A "$D/var/home/a"`);
    expect(said).toBe("new\nnew\n.\n");
  });
  test("nor is there a moment between look and act: he changes folder and draft all the time", async () => {
    const said = await attack(`joe 'mkdir "$1/joe/app" "$1/joe/real"; ln -s "$1/etc" "$1/joe/link"'
joe 'cd "$1/joe"; while [ ! -e stop ]; do
  mv -T app real2 2>/dev/null; cp -P link app 2>/dev/null
  for d in real2/.pine.* .pine.*; do mv "$d" gone 2>/dev/null && ln -s "$1/etc" "$d" 2>/dev/null; done
  rm -f app; mv -T real2 app 2>/dev/null
done' 2>/dev/null &
n=0 done=0
while [ $n -lt 40 ]; do
  n=$((n + 1))
  ! { echo new | root put "$D/joe/app/shadow" 666 1000:1000 2>/dev/null; } || done=$((done + 1))
  ! root drop "$D/joe/app/shadow" 2>/dev/null || done=$((done + 1))
done
joe ': >"$1/joe/stop"'
wait
${SHADOW}`);
    expect(said).toBe(UNTOUCHED);
  });
});
