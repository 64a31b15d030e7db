/**
 * How a login becomes root: what its tools say (captured from Debian 12's sudo 1.9.13 and opendoas 6.8.2), and the
 * dialogue with sudo.
 */
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PROBE, parseProbe, sameBoot, wantsPassword, whyNotRoot } from "../../../../provider/host/ssh/root.ts";
import { askingSudo, dialogue } from "../../../../provider/host/ssh/sudo.ts";
import { tcsh } from "../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-root-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe("a boot id", () => {
  it.each([
    ["the same", "a-1.5", "a-1.5", true],
    ["another kernel's boot", "a-1.5", "b-2.5", false],
    ["a container that was started again", "a-1.5", "a-1.9", false],
    ["somebody who may not see when the first process started", "a-1.", "a-1.9", true],
    ["one of before there were starts in it", "a-1", "a-1.9", true],
  ])("%s", (_, a, b, same) => expect([sameBoot(a, b), sameBoot(b, a)]).toEqual([same, same]));
});

describe("the probe", () => {
  it("runs in this machine's sh, and tells what it found", () => {
    const out = execFileSync("sh", ["-c", PROBE], { encoding: "utf8" });
    const found = parseProbe(`a greeting\n${out}`);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // field 22 of /proc/1/stat; where its name has no blank the words are the fields
    const started = readFileSync("/proc/1/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[19];
    expect([found?.uid, found?.bootId]).toEqual([process.getuid?.(), `${boot}.${started}`]);
    expect(found?.way === "root").toBe(process.getuid?.() === 0);
  });
  it("is read with what the tools said", () => {
    const text =
      "pine-login 1001 none 1-2\npine-sudo sudo: a password is required \npine-doas doas: Operation not permitted ";
    const sudo = "sudo: a password is required";
    expect(parseProbe(text)).toEqual({
      uid: 1001,
      way: "none",
      bootId: "1-2",
      sudo,
      doas: "doas: Operation not permitted",
    });
    expect(parseProbe("This account is not available.")).toBeUndefined();
  });
});

describe("why not", () => {
  it.each<[string, { sudo?: string; doas?: string }, boolean, RegExp]>([
    ["nothing is there", {}, false, /neither sudo nor doas is there; log in as root/],
    ["a password", { sudo: "sudo: a password is required" }, false, /sudo asks for one; set connection.password/],
    ["sudo-rs", { sudo: "sudo: interactive authentication is required" }, false, /sudo asks for one/],
    [
      "requiretty",
      { sudo: "sudo: sorry, you must have a tty to run sudo" },
      false,
      /requiretty.*Defaults:ann !requiretty/,
    ],
    [
      "not in sudoers",
      { sudo: "ann is not in the sudoers file.  This incident has been reported to the administrator." },
      true,
      /not in sudoers.*ann ALL=\(ALL\) NOPASSWD: ALL/,
    ],
    [
      "another command only",
      { sudo: "Sorry, user ann is not allowed to execute '/usr/bin/sh -c x' as root on vps." },
      true,
      /only some commands/,
    ],
    ["doas", { doas: "doas: Authorization required" }, false, /only from a terminal; .*permit nopass ann/],
    [
      "doas, with sudo beside it",
      { sudo: "sudo: a password is required", doas: "doas: Authorization required" },
      false,
      /doas asks for one/,
    ],
    [
      "no rule of doas, a password for sudo",
      { sudo: "sudo: a password is required", doas: "doas: Operation not permitted" },
      false,
      /sudo asks for one/,
    ],
    ["something else", { sudo: "sudo: /etc/sudoers is world writable" }, false, /world writable/],
  ])("%s", (_, said, asked, text) => {
    const { message, hint } = whyNotRoot("ann", said, asked);
    expect(`${message}; ${hint}`).toMatch(text);
  });
  it("a password is asked for", () => {
    expect(wantsPassword("sudo: a password is required")).toBe(true);
    expect(wantsPassword("sudo: sorry, you must have a tty to run sudo")).toBe(false);
    expect(wantsPassword(undefined)).toBe(false);
  });
});

describe("the dialogue", () => {
  /** Runs the command with a program in sudo's place that asks `questions` times, then goes on or gives up. */
  async function talk(questions: number, gives: "root" | "up", shell = "sh") {
    const stand = mkdtempSync(join(dir, `${questions}-${gives}-`));
    const got = join(stand, "got");
    // like sudo: the prompt on standard error, one line of standard input an attempt, an end of input ends it
    const asking = `printf %s "$prompt" >&2; IFS= read -r line || exit 9; printf '%s\\n' "$line" >>${got}`;
    const script = `#!/bin/sh\nprompt=$3; shift 3\n${`${asking}\n`.repeat(questions)}${gives === "root" ? 'exec "$@"' : "exit 1"}\n`;
    writeFileSync(join(stand, "sudo"), script);
    chmodSync(join(stand, "sudo"), 0o755);
    writeFileSync(got, "");
    const d = dialogue("0123", "pass word", async function* () {
      yield Buffer.from("the script\n");
      yield Buffer.from("and input\n");
    });
    const child = spawn(shell, ["-c", askingSudo("0123", "cat; exit 5")], {
      env: { PATH: `${stand}:${process.env.PATH}` },
      stdio: "pipe",
    });
    d.input.pipe(child.stdin);
    child.stdin.on("error", () => {});
    let [out, others, rest, all] = ["", "", "", ""];
    child.stdout.on("data", (c) => {
      out += c;
    });
    child.stderr.on("data", (c) => {
      all += c;
      const lines = (rest + c).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (!d.hear(line)) others += line;
    });
    const code = await new Promise((done) => child.on("close", done));
    d.end();
    expect(d.apart(all)).toBe("");
    return { code, out, others, passwords: readFileSync(got, "utf8"), refused: d.refused() };
  }
  const script = "the script\nand input\n";

  it("no password where none is asked for", async () =>
    expect(await talk(0, "root")).toEqual({ code: 5, out: script, others: "", passwords: "", refused: false }));
  it("the password once, then the script", async () =>
    expect(await talk(1, "root")).toEqual({
      code: 5,
      out: script,
      others: "",
      passwords: "pass word\n",
      refused: false,
    }));
  it("the same through a login shell that is no POSIX shell (nix-community/nixos-anywhere#200)", async () =>
    expect(await talk(1, "root", await tcsh())).toMatchObject({ code: 5, out: script, passwords: "pass word\n" }));
  it("nothing at the second question", async () =>
    expect(await talk(2, "root")).toEqual({ code: 9, out: "", others: "", passwords: "pass word\n", refused: true }));
  it("sudo's own words stay, though they hold the command and the mark", () => {
    const said =
      "Sorry, user ann is not allowed to execute '/usr/bin/sh -c echo pine-root-0123 >&2; cat' as root on vps.";
    const d = dialogue("0123", "x", async function* () {});
    expect([d.hear(said), d.apart(`pine-asks-0123\n${said}`)]).toEqual([false, said]);
    d.end();
  });
  it("nothing but the password to one that takes it and gives up", async () =>
    expect(await talk(1, "up")).toEqual({ code: 1, out: "", others: "", passwords: "pass word\n", refused: false }));
});
