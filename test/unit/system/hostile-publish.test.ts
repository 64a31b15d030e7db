/**
 * A user of the server to whom the folder belongs that root publishes to: what he puts there leads root nowhere. Two
 * real users, both shells.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { run } from "../../../provider/local/run.ts";
import { asOwnerScript } from "../../../provider/publish/ssh/place.ts";

/** Programs of busybox and su, which Debian's busybox has not: no setpriv and chroot that change the user. */
const tools = mkdtempSync(join(tmpdir(), "pine-busybox-"));
afterAll(() => rmSync(tools, { recursive: true }));
chmodSync(tools, 0o755);

/**
 * Root of a namespace with other users in it, where the tests run as an ordinary one. su asks the shadow file whether
 * an account has expired, and that is this machine's root's.
 */
const SHADOW = join(tools, ".shadow");
writeFileSync(SHADOW, ["root", "games"].map((name) => `${name}:*:19000:0:99999:7:::\n`).join(""));
const WITH_SHADOW = `mount --bind ${SHADOW} /etc/shadow && exec "$@"`;
const AS_ROOT =
  process.getuid?.() === 0
    ? []
    : ["unshare", "--map-root-user", "--map-auto", "--mount", "sh", "-c", WITH_SHADOW, "sh"];
const asRoot = (argv: string[], { PATH, ...env }: Record<string, string | undefined> = {}) => {
  // the programs' path is for what runs within
  const [file, ...args] = [...AS_ROOT, "env", ...(PATH ? [`PATH=${PATH}`] : []), ...argv];
  return run(file!, args, { env: env as never, timeout: 120_000 });
};

const folders: string[] = [];
afterEach(async () => {
  for (const dir of folders.splice(0)) {
    await asRoot(["find", dir, "-mindepth", "1", "-delete"]);
    rmSync(dir, { recursive: true });
  }
});

/**
 * $D/etc is root's; $D/www is joe's, and so is $D/www/repo. `games` is a user that every Debian has: joe by another
 * name, for su.
 */
const PREPARE = `set -eu
umask 022
D=$1
mkdir -p "$D/etc" "$D/www/repo" "$D/send/pine"
echo secret >"$D/etc/shadow"
chmod 600 "$D/etc/shadow"
echo new >"$D/send/summary"
echo new >"$D/send/pine/web.manifest"
JOE=$(id -u games) GROUP=$(id -g games)
chown -R $JOE:$GROUP "$D/www"
joe() { $SETPRIV --reuid=$JOE --regid=$GROUP --clear-groups sh -c "$1" sh "$D"; }
publish() { command=$1; shift; $SHELL_OF_ROOT -euc "$AS_OWNER" sh "$PUBLISH" $command "$D/www/repo" "$@" 2>&1 || echo refused; }
send() { tar -C "$D/send" -cf - summary pine/web.manifest | publish put; }
root_has() { cat "$D/etc/shadow"; ls -A "$D/etc"; find "$D/www" -user 0; }
`;
const UNTOUCHED = "secret\nshadow\n";

await run("busybox", ["--install", "-s", tools]);
for (const name of ["setpriv", "chroot"]) rmSync(join(tools, name), { force: true });
const { stdout: SU } = await run("which", ["su"]);
await run("ln", ["-s", SU, tools]);
const { stdout: SETPRIV } = await run("which", ["setpriv"]);

describe.each([
  ["dash", "dash", process.env.PATH],
  ["busybox sh and programs of busybox alone", "sh", tools],
])("by %s", (_, shell, PATH) => {
  async function attack(script: string): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), "pine-hostile-"));
    folders.push(dir);
    chmodSync(dir, 0o755);
    const env = {
      PATH,
      SHELL_OF_ROOT: shell,
      SETPRIV,
      AS_OWNER: asOwnerScript(),
      PUBLISH: assetText("publish/ssh/place.sh"),
    };
    const { stdout } = await asRoot(["sh", "-c", `${PREPARE}${script}\nroot_has`, "sh", dir], env);
    return `${stdout.trimEnd().replaceAll(dir, "D")}\n`;
  }

  test("what is published in his folder is his, and can be listed, read and removed", async () => {
    const said = await attack(`publish look web
send
cat "$D/www/repo/summary" "$D/www/repo/pine/web.manifest"
publish list | sed 's/.* //' | sort
publish get summary | tar -xOf -
echo summary | publish remove
ls -A "$D/www/repo/pine"; [ ! -e "$D/www/repo/summary" ]
publish hold </dev/null`);
    expect(said).toBe(`state=empty\nnew\nnew\npine/web.manifest\nsummary\nnew\nweb.manifest\nheld\n${UNTOUCHED}`);
  });

  test.each([
    ["a link in place of a folder", `ln -s "$1/etc" "$1/www/repo/pine"`],
    ["a link in place of the folder for what comes", `ln -s "$1/etc" "$1/www/repo/.pine.new"`],
    ["a link in place of the file that is held", `ln -s "$1/etc/held" "$1/www/repo/.pine.held"`],
    ["links in place of OSTree's folders", `for f in tmp state refs; do ln -s "$1/etc" "$1/www/repo/$f"; done`],
    ["a link in place of a file", `ln -s "$1/etc/shadow" "$1/www/repo/summary"`],
  ])("%s leads root nowhere", async (_, trick) => {
    const said = await attack(`joe '${trick}'
{ send; publish hold </dev/null; printf 'pine/shadow\\nsummary\\n' | publish remove; publish get summary pine/shadow; } >"$D/said" 2>&1
! grep -a secret "$D/said"`);
    expect(said).toBe(UNTOUCHED);
  });

  test("where root cannot work as another, it does not work", async () => {
    const said = await attack(`mkdir "$D/bin"
for name in sh stat id find head cat tar mkdir readlink pwd; do ln -s "$(command -v $name)" "$D/bin/$name"; done
PATH_OF_ALL=$PATH
command -v busybox >/dev/null && cp "$(command -v busybox)" "$D/bin/"
PATH=$D/bin
case $SHELL_OF_ROOT in dash) SHELL_OF_ROOT=sh ;; esac
send
PATH=$PATH_OF_ALL`);
    expect(said).toMatch(
      /^pine: D\/www\/repo belongs to games, and this server has no program by which root works with/,
    );
    expect(said).toMatch(new RegExp(`refused\n${UNTOUCHED}$`));
  });

  test("a folder that was exchanged for a link is not entered", async () => {
    const said = await attack(`joe 'mv "$1/www/repo" "$1/www/old"; ln -s "$1/etc" "$1/www/repo"'
send
publish look web`);
    const why =
      "pine: D/www/repo/.: repo is a link in a folder that users other than root may write to, and is not followed\nrefused\n";
    expect(said).toBe(why + why + UNTOUCHED);
  });

  test("a folder of root's in which others may write is refused", async () => {
    const said = await attack(`chown 0:0 "$D/www" "$D/www/repo"
chmod 775 "$D/www/repo"
publish look web
send
chmod 755 "$D/www/repo"
publish look web
send
chown -R $JOE "$D/www"`);
    expect(said).toBe(
      `state=shared\npine: D/www/repo: users other than root may write to .\nrefused\nstate=empty\n${UNTOUCHED}`,
    );
  });
});
