/** Quoting and framing, judged by real shells. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { frameScript } from "../../../../provider/host/ssh/frame.ts";
import { shellQuote } from "../../../../provider/words.ts";

const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]].filter(([name]) =>
  ["/bin", "/usr/bin"].some((dir) => existsSync(`${dir}/${name}`)),
);

const WORDS = [
  "",
  "plain",
  "two words",
  "it's",
  "''",
  '"double"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text that must stay as it is
  "$HOME ${x} $(id) `id`",
  "back\\slash \\n \\",
  "line\nbreak\n",
  "\ttab\r",
  "-n",
  "--",
  "*?[a]~!#&|;<>(){}",
  "ümlaut €",
  "'\\''",
];

/** What `sshd` does with a command: hands it to the login's shell. */
const remote = (shell: string[], command: string, input: Uint8Array) =>
  execFileSync(shell[0]!, [...shell.slice(1), "-c", command], { input, encoding: "utf8" });

describe.each(SHELLS)("%s", (...shell) => {
  it("gives back every word as it was", () => {
    const script = `printf '%s\\0' ${WORDS.map(shellQuote).join(" ")}`;
    expect(remote(shell, script, Buffer.alloc(0)).split("\0").slice(0, -1)).toEqual(WORDS);
  });

  it("hands a script its arguments, its name and what follows on standard input", () => {
    const script = `printf '%s\\0' "$0" "$#" "$@"\ncat\nexit 0`;
    const rest = "the rest\nof it, with 'quotes'";
    const frame = frameScript(script, WORDS, { more: true });
    const out = remote(shell, frame.command, Buffer.concat([frame.head, Buffer.from(rest)]));
    expect(out.split("\0")).toEqual(["pine", String(WORDS.length), ...WORDS, rest]);
  });

  it("gives a script without input an empty one", () => {
    const frame = frameScript('printf "%s|" "$@"; cat', ["a b"], { more: false });
    expect(remote(shell, frame.command, frame.head)).toBe("a b|");
  });

  it("keeps the script's exit code", () => {
    const frame = frameScript("echo no >&2; exit 7", [], { more: false });
    const r = spawnSync(shell[0]!, [...shell.slice(1), "-c", frame.command], { input: frame.head, encoding: "utf8" });
    expect([r.status, r.stderr]).toEqual([7, "no\n"]);
  });
});

it("shows no argument in the command", () => {
  const { command } = frameScript("echo $1", ["canary"], { more: true, by: "sudo" });
  expect(command).not.toContain("canary");
  expect(command).toMatch(/^sudo -n sh -c '/);
});

it("refuses a NUL byte", () => expect(() => shellQuote("a\0b")).toThrow(/NUL/));
