/**
 * Root's scripts that decide who may change a server, run by dash and busybox: trust.sh with real signatures, lock.sh
 * by several at once.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentScript, HELD, lockScript, trustScript } from "../../../provider/host/scripts.ts";
import { manifestFile, signManifest } from "../../../provider/trust/manifest.ts";
import { readSigningKey } from "../../../provider/trust/signify.ts";

const work = mkdtempSync(join(tmpdir(), "pine-root-scripts-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const SHELLS: [string, string[]][] = [
  ["dash", ["dash"]],
  ["busybox", ["busybox", "sh"]],
];
// as Alpine names it
mkdirSync(join(work, "bin"));
symlinkSync(
  execFileSync("sh", ["-c", "command -v signify-openbsd"], { encoding: "utf8" }).trim(),
  join(work, "bin/signify"),
);
const PATH = `${join(work, "bin")}:${process.env.PATH}`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(work, "root-"));
  mkdirSync(join(root, "run"));
});

describe.each(SHELLS)("trust.sh, %s", (_, shell) => {
  const newKey = () =>
    readSigningKey(
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ) as never;
  const [ours, strangers] = [newKey(), newKey()];
  const signed = (checksum: string, version: string, key = ours) =>
    signManifest({ checksum, ref: "r", version, arch: "x86_64", target: "vm", created: 1 }, { keys: [key], spare: [] });
  const trust = (args: string[], input: string, path = PATH) => {
    const env = { PATH: path, PINE_ROOT: root };
    const how = [...shell.slice(1), "-c", trustScript().replace(HELD, ""), "trust", ...args];
    const r = spawnSync(shell[0]!, how, { input, encoding: "utf8", env });
    return { code: r.status, stderr: r.stderr.trim() };
  };
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  const pine = () => writeFileSync(join(root, "run/ostree-booted"), "");
  const kept = () => {
    pine();
    expect(trust(["keep"], manifestFile(signed(a, "1.10.0")))).toEqual({ code: 0, stderr: "" });
  };

  it("that trusts nobody takes anything", () => expect(trust(["check", a], "").code).toBe(0));
  it("takes what its key signed, of this version or a later one", () => {
    kept();
    expect(trust(["check", b], manifestFile(signed(b, "1.10.0"))).code).toBe(0);
    expect(trust(["check", b], manifestFile(signed(b, "2.0.0"))).code).toBe(0);
  });
  const edit = (text: string, from: string, to: string) => text.replace(from, to);
  it.each<[string, () => string, RegExp]>([
    ["unsigned", () => "", /is not signed, and/],
    ["a stranger's", () => manifestFile(signed(b, "2.0.0", strangers)), /not signed by a key/],
    [
      "changed after it was signed",
      () => edit(manifestFile(signed(b, "1.0.0")), "version=1.0.0", "version=3.0.0"),
      /not signed by a key/,
    ],
    ["of another commit", () => manifestFile(signed(a, "2.0.0")), /signed for another commit/],
    ["an older version", () => manifestFile(signed(b, "1.9.0")), /1\.9\.0 is older than 1\.10\.0/],
    ["a version before the release", () => manifestFile(signed(b, "1.10.0-rc.1")), /older than/],
  ])("refuses %s", (_, text, message) => {
    kept();
    const r = trust(["check", b], text());
    expect([r.code, r.stderr]).toEqual([1, expect.stringMatching(message)]);
  });
  it("refuses all when it cannot look, but for an old system, where the planner looked", () => {
    kept();
    const bare = join(work, "no-signify");
    if (!existsSync(bare)) {
      mkdirSync(bare);
      for (const name of ["sed", "cat", "mktemp", "rm", "awk", "cp", "mv", "mkdir", "sync", "dash", "busybox"])
        symlinkSync(execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(), join(bare, name));
    }
    expect(trust(["check", b], manifestFile(signed(b, "2.0.0")), bare)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no signify/),
    });
    rmSync(join(root, "run/ostree-booted"));
    expect(trust(["check", b], manifestFile(signed(b, "2.0.0")), bare).code).toBe(0);
  });
  it("what a Pine that fell back kept counts on the old system", () => {
    kept();
    rmSync(join(root, "run/ostree-booted"));
    mkdirSync(join(root, "ostree/deploy/pine/var/lib/pine"), { recursive: true });
    execFileSync("mv", [join(root, "var/lib/pine/trust"), join(root, "ostree/deploy/pine/var/lib/pine/trust")]);
    expect(trust(["check", b], "").code).toBe(1);
    expect(trust(["forget"], "").code).toBe(0);
  });
});

describe.each(SHELLS)("lock.sh, %s", (_, shell) => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) {
      // what it waits for ends with its input
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
      child.kill("SIGKILL");
    }
  });
  /** A holder, with what it said first. */
  function hold(owner: string, lease = "60") {
    const env = { PATH: process.env.PATH, PINE_RUN: join(root, "run"), PINE_LEASE: lease };
    const child = spawn(shell[0]!, [...shell.slice(1), "-c", lockScript(), "lock", owner], {
      env,
      stdio: "pipe",
    });
    started.push(child);
    const first = new Promise<string>((done) => child.stdout.once("data", (d) => done(String(d).trim())));
    const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
    return { child, first, ended };
  }

  it("one has it, the others are told who; it goes when its input ends", async () => {
    const a = hold("a/dev by ann");
    expect(await a.first).toBe("locked");
    const [b, c] = [hold("b"), hold("c")];
    expect(await Promise.all([b.first, c.first, b.ended, c.ended])).toEqual([
      "busy a/dev by ann",
      "busy a/dev by ann",
      75,
      75,
    ]);
    a.child.stdin.end();
    expect(await a.ended).toBe(0);
    const d = hold("d");
    expect(await d.first).toBe("locked");
    expect(readFileSync(join(root, "run/pine.lock"), "utf8")).toBe("d\n");
  });
  it("it goes when its holder is silent, and stays while signs of life come", { timeout: 60_000 }, async () => {
    const alive = hold("alive", "4");
    expect(await alive.first).toBe("locked");
    for (let n = 0; n < 10; n++) {
      alive.child.stdin.write(".");
      await new Promise((r) => setTimeout(r, 500));
    }
    const other = hold("other");
    expect(await other.first).toBe("busy alive");
    // silent from now on
    expect(await alive.ended).toBe(0);
    expect(await hold("next").first).toBe("locked");
  });
  it("it goes with a holder that is killed", async () => {
    const a = hold("a");
    await a.first;
    a.child.kill("SIGKILL");
    a.child.stdin.destroy();
    await a.ended;
    for (let n = 0; n < 300; n++) {
      const b = hold("b");
      if ((await b.first) === "locked") return;
      await new Promise((r) => setTimeout(r, 100));
    }
    expect.fail("the lock stayed");
  });
  it("nobody gets it while the server reboots", async () => {
    writeFileSync(join(root, "run/pine.rebooting"), "ann\n");
    const a = hold("b");
    expect([await a.first, await a.ended]).toEqual(["busy ann, which is rebooting the server", 75]);
  });
});

describe.each(SHELLS)("pine confirm, %s", (_, shell) => {
  /** In a /run of its own where slot b is on trial, with a dead-man that writes down what it is told. */
  const SCRIPT = `mount --bind "$1/run" /run
mkfifo /run/pine.ctl
cat /run/pine.ctl >"$1/told" 2>/dev/null & reader=$!
printf 'ostree=/ostree/deploy/pine/deploy/%s.0 pine.slot=b pine.trial=1\\n' "$2" >/run/pine.cmdline
shift 2
"$@" && code=0 || code=$?
# told, it ends by itself
[ $code = 0 ] && wait $reader || kill $reader
exit $code`;
  const checksum = "c".repeat(64);
  function confirm(which: string) {
    mkdirSync(join(root, "slots"));
    const block = Buffer.alloc(1024, "#");
    block.write("# GRUB Environment Block\npine_slot=a\npine_trial=b\npine_tries=0\npine_boots=\n");
    writeFileSync(join(root, "slots/env"), block);
    writeFileSync(join(root, "pine"), agentScript());
    chmodSync(join(root, "pine"), 0o755);
    const ns = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
    const r = spawnSync(
      "unshare",
      [...ns, "sh", "-c", SCRIPT, "sh", root, checksum, ...shell, join(root, "pine"), "confirm", which],
      {
        encoding: "utf8",
        env: { PATH: process.env.PATH, PINE_DIR: join(root, "slots"), PINE_TMP: root },
      },
    );
    return {
      code: r.status,
      stderr: r.stderr.trim(),
      told: readFileSync(join(root, "told"), "utf8").trim(),
      env: readFileSync(join(root, "slots/env"), "utf8").replace(/#.*$/, "").trim(),
      marked: existsSync(join(root, "run/pine.confirmed")),
    };
  }
  it("the running slot is the default, and the dead-man is told to stop", () => {
    const { env, ...rest } = confirm(checksum);
    expect(rest).toEqual({ code: 0, stderr: "", told: "ok", marked: true });
    expect(env).toMatch(/^pine_slot=b$/m);
    expect(env).toMatch(/^pine_trial=$/m);
  });
  it("another commit than the one that runs is not confirmed, and the dead-man goes on", () => {
    const { env, ...rest } = confirm("d".repeat(64));
    expect(rest).toEqual({
      code: 1,
      stderr: expect.stringMatching(/the commit that runs is c{64}/),
      told: "",
      marked: false,
    });
    expect(env).toMatch(/^pine_slot=a$/m);
    expect(env).toMatch(/^pine_trial=b$/m);
  });
});
