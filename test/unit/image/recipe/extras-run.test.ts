import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesOf } from "../../../../provider/image/recipe/system-files.ts";
import { type RunError, run } from "../../../../provider/local/run.ts";
import { any, environment, extra, folders, program } from "./a-shell.ts";

const dir = folders();

describe("iomon", () => {
  /** A line of /proc/diskstats: the fields from the third on as Documentation/admin-guide/iostats.rst counts them. */
  const disk = (name: string, completed: number, flying: number) =>
    ` 254 0 ${name} ${completed} 3 5 7 ${completed} 11 13 17 ${flying} 19 23 0 0 0 0 ${completed} 29\n`;
  const frame = (completed: number, flying: number) => disk("vda1", 9, 0) + disk("vda", completed, flying);

  /**
   * Plays looks at a disk; the clock is the test's: each wait brings the next look, and the end after the last. Answers
   * how often it acted.
   */
  async function play(frames: [completed: number, flying: number][], more: Record<string, string> = {}) {
    for (const [i, [completed, flying]] of frames.entries()) {
      await writeFile(join(dir.at, `frame.${i}`), frame(completed, flying));
      if (i === 0) await writeFile(join(dir.at, "stats"), frame(completed, flying));
    }
    await writeFile(join(dir.at, "now"), "0");
    await program(
      dir.at,
      "sleep",
      `cd ${dir.at} && n=$(($(cat now) + 1)) && echo $n >now && cp frame.$n stats 2>/dev/null`,
    );
    await program(dir.at, "logger", `echo "$*" >>${dir.at}/logger`);
    const r = await run("sh", [extra("iomon/usr/sbin/pine-iomon")], {
      env: environment(dir.at, {
        IOMON_STATS: join(dir.at, "stats"),
        IOMON_LOG: join(dir.at, "log"),
        IOMON_DEVICE: "vda",
        IOMON_ACTION: `echo acted >>${dir.at}/acts`,
        ...more,
      }),
      ok: any,
    });
    const acts = await readFile(join(dir.at, "acts"), "utf8").catch(() => "");
    return { ...r, acts: acts.split("\n").length - 1 };
  }
  const times = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

  it("acts after four looks without progress, and says so", async () => {
    expect(await play(times(5, () => [100, 2]))).toMatchObject({ acts: 1, exitCode: 0 });
    expect(await readFile(join(dir.at, "log"), "utf8")).toMatch(
      /Z vda: 2 requests in flight and none completed in 4 looks/,
    );
    expect(await readFile(join(dir.at, "logger"), "utf8")).toMatch(/^-t pine-iomon -p daemon.crit vda: 2 requests/);
  });
  it.each<[string, [number, number][], Record<string, string>, number]>([
    ["not before", times(4, () => [100, 2]), {}, 0],
    ["as often as wanted", times(3, () => [100, 1]), { IOMON_STRIKES: "2" }, 1],
    ["again while it lasts", times(9, () => [100, 1]), {}, 2],
    ["not for an idle disk", times(30, () => [100, 0]), {}, 0],
    ["not for a busy disk", times(30, (i) => [100 + i, 9]), {}, 0],
    ["not for a slow disk", times(30, (i) => [100 + Math.floor(i / 4), 1]), {}, 0],
    ["not for requests that only just came", times(30, (i) => [100, i % 2]), {}, 0],
    ["after progress from the first again", times(8, (i) => [i < 4 ? 1 : 2, 1]), {}, 0],
  ])("acts %s", async (_, frames, more, acts) => {
    expect((await play(frames, more)).acts).toBe(acts);
  });
  it("acts by the real clock", async () => {
    await writeFile(join(dir.at, "stats"), frame(1, 1));
    await program(dir.at, "logger", "");
    const more = {
      IOMON_STATS: join(dir.at, "stats"),
      IOMON_LOG: join(dir.at, "log"),
      IOMON_DEVICE: "vda",
      IOMON_LOOP: "0.05",
    };
    const r = await run("sh", [extra("iomon/usr/sbin/pine-iomon")], {
      env: environment(dir.at, { ...more, IOMON_ACTION: 'echo acted; kill "$PPID"' }),
    }).catch((e: RunError) => e);
    expect(r.stdout).toBe("acted");
  });
  it.each([
    [{ IOMON_DEVICE: "sdx" }, /has no disk sdx: set IOMON_DEVICE/],
    [{ IOMON_STRIKES: "few" }, /IOMON_STRIKES is few/],
    [{ IOMON_LOOP: "1 s" }, /IOMON_LOOP is 1 s/],
    [{ IOMON_STATS: "/no/such/file" }, /there is no \/no\/such\/file/],
  ])("refuses %j", async (more, message) => {
    const r = await play([[1, 1]], more as Record<string, string>);
    expect(r.exitCode).toBe(1);
    expect(r.stderr).toMatch(message);
  });
});

describe("backup", () => {
  async function backup(settings: Record<string, string>, before: string[] = []) {
    const conf = join(dir.at, "conf");
    const all = { BACKUP_LOCK: join(dir.at, "lock"), ...settings };
    await writeFile(
      conf,
      Object.entries(all)
        .map(([k, v]) => `${k}="${v}"\n`)
        .join(""),
    );
    const [file, ...args] = [...before, "sh", extra("backup/usr/sbin/pine-backup"), conf];
    return run(file!, args, { env: environment(dir.at), ok: any });
  }
  const password = async (mode: number) => {
    await writeFile(join(dir.at, "password"), "secret\n");
    await chmod(join(dir.at, "password"), mode);
    return { BACKUP_REPOSITORY: join(dir.at, "repository"), BACKUP_PASSWORD_FILE: join(dir.at, "password") };
  };

  it("does nothing without a repository, and says so", async () => {
    const r = await backup({});
    expect([r.exitCode, r.stdout]).toEqual([
      0,
      `pine-backup: nothing to do: BACKUP_REPOSITORY in ${dir.at}/conf is empty`,
    ]);
  });
  it("is shipped like that", () =>
    expect(filesOf("extras/backup").find((f) => f.path === "/etc/conf.d/pine-backup")!.content).toMatch(
      /^BACKUP_REPOSITORY=""$/m,
    ));
  it("wants a password that others cannot read", async () => {
    expect((await backup(await password(0o644))).stderr).toMatch(/others may read .*; chmod 600/);
    expect((await backup({ ...(await password(0o600)), BACKUP_PASSWORD_FILE: "/no/file" })).stderr).toMatch(
      /BACKUP_PASSWORD_FILE: there is no \/no\/file/,
    );
  });
  it("refuses numbers that are none", async () =>
    expect((await backup({ ...(await password(0o600)), BACKUP_KEEP_DAILY: "some" })).stderr).toMatch(
      /KEEP_DAILY is some/,
    ));
  it("leaves the work to one that is running", async () => {
    const r = await backup(await password(0o600), ["flock", join(dir.at, "lock")]);
    expect([r.exitCode, r.stdout]).toEqual([0, "pine-backup: another backup is running"]);
  });
});

describe("tcpmon", () => {
  it("puts what it is given before its filter", async () => {
    await program(dir.at, "tcpdump", 'printf "%s\\n" "$@"');
    const { stdout } = await run("sh", [extra("tcpmon/usr/bin/tcpmon"), "-i", "eth 0", "port", "443", "and"], {
      env: environment(dir.at),
    });
    expect(stdout.split("\n").slice(0, -1)).toEqual(["-n", "-v", "-l", "-i", "eth 0", "port", "443", "and"]);
    expect(stdout.split("\n").at(-1)).toMatch(/^\(.*tcp-rst.*\)$/);
  });
});
