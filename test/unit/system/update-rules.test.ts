/** When a server may reboot, whom it waits for, and its hooks: pieces of libexec/pine/upgrade, by both shells. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { settingsText } from "../../../provider/host/updates/settings.ts";

const work = mkdtempSync(join(tmpdir(), "pine-update-rules-"));
afterAll(() => rmSync(work, { recursive: true }));
const lib = asset("system/rootfs/usr/libexec/pine");
const memory = join(work, "memory");
mkdirSync(memory);

/** Runs a text after some pieces; its settings are these lines. */
function piece(shell: string[], names: string[], text: string, settings = ""): string {
  writeFileSync(join(memory, "updates"), settings);
  const sources = ["words", ...names].map((name) => `. ${lib}/${name}`).join("\n");
  const script = `set -eu\nmemory() { echo ${memory}; }\nrun=${work} work=${work} child='' later=''\n${sources}\n${text}`;
  return execFileSync(shell[0]!, [...shell.slice(1), "-c", script], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
    timeout: 150_000,
  }).trim();
}

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  test.each<[string, string, string]>([
    // days, begin and minutes of the window; weekday (1 is Monday) and minute of the day; minutes since its begin
    ["in it", "all 03:00 120 2 200", "20"],
    ["at its begin", "all 03:00 120 2 180", "0"],
    ["at its end", "all 03:00 120 2 300", ""],
    ["before it", "all 03:00 120 2 179", ""],
    ["on its day", "sat,sun 03:00 120 7 200", "20"],
    ["on another day", "sat,sun 03:00 120 1 200", ""],
    ["after midnight, of yesterday's", "sun 23:30 120 1 30", "60"],
    ["after midnight, of today's", "mon 23:30 120 1 30", ""],
    ["on Monday, of Sunday's", "sun 23:30 120 1 89", "119"],
    ["a whole day", "all 00:00 1440 3 1439", "1439"],
    ["at 08:09, which is no octal number", "all 08:09 10 3 489", "0"],
  ])("a window is open %s", (_, words, since) =>
    expect(piece(shell, ["pulling", "window"], `open_since ${words}`)).toBe(since),
  );

  test("fifty servers begin spread over the first half, none too late to end inside (27: rebootmgr#10)", () => {
    const starts = piece(
      shell,
      ["pulling", "window"],
      `n=0
      while [ $n -lt 50 ]; do
        echo "id=server-$n" >${memory}/updates
        echo $(($(spread window) * 60 / 65536))
        n=$((n + 1))
      done`,
    )
      .split("\n")
      .map(Number);
    expect(Math.min(...starts)).toBeLessThan(12);
    expect(Math.max(...starts)).toBeGreaterThan(48);
    expect(Math.max(...starts)).toBeLessThan(60);
    const crowded = Math.max(...starts.map((s) => starts.filter((t) => t === s).length));
    expect(crowded).toBeLessThanOrEqual(5);
  });

  test("a window is the server's from its own moment on, and closed when a reboot would not end inside", () => {
    const at = (minute: number, minutes: number) => {
      const settings = `id=server-1\nwindow=all 00:00 ${minutes}\nworst=20\n`;
      const text = `local_time() { case $1 in +%u) echo 3 ;; *) echo ${minute} ;; esac; }\nif in_window; then echo open; else echo closed; fi`;
      return piece(shell, ["pulling", "window"], text, settings);
    };
    const begin = Number(piece(shell, ["pulling"], "echo $(($(spread window) * 60 / 65536))", "id=server-1\n"));
    expect([at(begin - 1, 120), at(begin, 120), at(99, 120), at(100, 120)]).toEqual([
      "closed",
      "open",
      "open",
      "closed",
    ]);
  });

  test("the time zone is the settings', also in summer", () => {
    const hour = (zone: string, at: string) =>
      piece(shell, ["pulling", "window"], `local_time -d "@$(date -u -d '${at}' +%s)" +%H`, `timezone=${zone}\n`);
    const BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3";
    expect([
      hour(BERLIN, "2026-01-15 12:00:00"),
      hour(BERLIN, "2026-07-15 12:00:00"),
      hour("UTC0", "2026-07-15 12:00:00"),
    ]).toEqual(["13", "14", "12"]);
  });

  test("looks come at the server's own moment of each period, not from when it began (28, 29: nixpkgs#279951)", () => {
    const next = (id: string, now: number) =>
      Number(piece(shell, ["pulling"], `seconds() { echo ${now}; }; next_check`, `id=${id}\nevery=86400\n`));
    const day = 1_764_547_200;
    const first = next("server-1", day + 5);
    expect([next("server-1", day + 600), next("server-1", first), next("server-1", first - 1)]).toEqual([
      first,
      first + 86_400,
      first,
    ]);
    expect(new Set([1, 2, 3, 4, 5].map((n) => next(`server-${n}`, day))).size).toBe(5);
  });

  const process = (pid: number, parent: number, name: string, tty = 0) => {
    mkdirSync(join(work, "proc", String(pid)), { recursive: true });
    writeFileSync(
      join(work, "proc", String(pid), "stat"),
      `${pid} (${name}) S ${parent} ${pid} ${pid} ${tty} -1 4194560\n`,
    );
  };
  const PTS0 = 136 * 256;
  test.each<[string, () => void, string]>([
    ["nobody", () => {}, ""],
    ["a login that waits", () => process(50, 1, "getty", 4 * 256 + 1), ""],
    ["a shell over SSH", () => (process(60, 20, "dropbear"), process(61, 60, "ash", PTS0)), "1 terminal is in use"],
    ["somebody whose name has brackets", () => process(61, 1, "my (ash) S 1", PTS0), "1 terminal is in use"],
    [
      "a copy over SSH, without a terminal",
      () => (process(60, 20, "sshd-session"), process(61, 60, "rsync")),
      "1 connection does something",
    ],
    ["a stranger who tries passwords", () => (process(60, 20, "sshd"), process(61, 60, "sshd-auth")), ""],
    [
      "screen, two of them",
      () => (process(70, 1, "screen"), process(71, 70, "ash", PTS0), process(72, 70, "ash", PTS0 + 1)),
      "2 terminals are in use",
    ],
  ])("who is there: %s (39: zincati#115, FCOS#1780)", (_, make, said) => {
    rmSync(join(work, "proc"), { recursive: true, force: true });
    process(1, 0, "init");
    process(20, 1, "dropbear");
    make();
    expect(piece(shell, ["sessions"], `PINE_PROC=${work}/proc sessions`)).toBe(said);
  });
  test("what is not to be seen is no answer", () =>
    expect(piece(shell, ["sessions"], "PINE_PROC=/nowhere sessions || echo unknown")).toBe("unknown"));

  const hooks = (files: Record<string, string>, when = "before") => {
    const folder = join(work, "own/update.d");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files))
      if (text.startsWith("-> ")) symlinkSync(text.slice(3), join(folder, name));
      else writeFileSync(join(folder, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
    const text = `trap : USR1; PINE_HOOKS=/nowhere PINE_OWN_HOOKS=${work}/own\nif run_hooks ${when} from to 7; then echo fine; else echo "$said"; fi`;
    return piece(shell, ["limited", "hooks"], text);
  };
  const noted = `#!/bin/sh\necho "\${0##*/} $*" >>${work}/noted\n`;
  test("hooks run by their names, with what they need to know (91)", () => {
    writeFileSync(join(work, "noted"), "");
    expect(hooks({ "20-b": noted, "10-a": noted })).toBe("fine");
    expect(execFileSync("cat", [join(work, "noted")], { encoding: "utf8" })).toBe(
      "10-a before from to 7\n20-b before from to 7\n",
    );
  });
  test("none is needed", () => expect(hooks({})).toBe("fine"));
  test.each<[string, Record<string, string>, string, string]>([
    [
      "that fails before a reboot ends it",
      { "1": "#!/bin/sh\necho no room\nexit 3", "2": noted },
      "before",
      "1 (before): no room",
    ],
    [
      "that cannot be run is a failure, not left out",
      { a: "no program" },
      "before",
      "a (before): is no program that can be executed",
    ],
    [
      "that is a link to nothing, too",
      { a: "-> /nowhere" },
      "before",
      "a (before): is no program that can be executed",
    ],
    [
      "that fails after it lets the others run",
      { "1": "#!/bin/sh\nexit 3", "2": "#!/bin/sh\nexit 4" },
      "after",
      "1 (after): exit code 3; 2 (after): exit code 4",
    ],
    [
      "that does not end is ended with what it started",
      { a: "#!/bin/sh\n# timeout=1\nsleep 4321 & sleep 4321" },
      "before",
      "a (before): did not end within 1 s",
    ],
  ])("a hook %s", (_, files, when, said) => {
    expect(hooks(files, when)).toBe(said);
    expect(
      execFileSync("sh", ["-c", "ps -eo args | grep -c '[s]leep 4321' || true"], { encoding: "utf8" }).trim(),
    ).toBe("0");
  });
});

test("what the provider writes is what a server reads", () => {
  const updates = {
    url: "http://10.0.0.1/pine/",
    pullOnly: false,
    everyHours: 6,
    reboot: "window" as const,
    windows: [
      { days: ["sat" as const], start: "03:30", minutes: 90 },
      { start: "23:00", minutes: 60 },
    ],
    timeZone: "CET-1CEST,M3.5.0,M10.5.0/3",
    waitForSessionsMinutes: 30,
    staleDays: 9,
    witnesses: [{ tcp: "[fd00::1]:22" }, { http: "http://10.0.0.1/up" }],
    witnessesNeeded: "any" as const,
  };
  expect(settingsText(updates, { id: "i", ref: "pine/x86_64/stable", deadman: 300 })).toBe(
    "url=http://10.0.0.1/pine\nref=pine/x86_64/stable\nid=i\nevery=21600\nreboot=window\nwindow=sat 03:30 90\nwindow=all 23:00 60\ntimezone=CET-1CEST,M3.5.0,M10.5.0/3\nworst=20\nsessions=1800\nstale=9\nwitness=tcp [fd00::1] 22\nwitness=http http://10.0.0.1/up 200\nwitnesses=any\n",
  );
});
