/** No part of a secret is left in what is said, however the text was put together or cut. */
import { expect, it } from "vitest";
import { run } from "../../provider/local/run.ts";
import { lastLines, redactText, shorten, withSecrets } from "../../provider/redact.ts";

const KEY = "-----BEGIN KEY-----\r\nline-one-of-it\r\nline-two-of-it\r\n-----END KEY-----\r\n";

it.each<[string, string[], string, string]>([
  [
    "one that begins with another, in either order",
    ["canary", "canary-tail"],
    "a canary-tail b canary",
    "a [secret] b [secret]",
  ],
  ["one that holds another", ["ana", "xanax"], "(xanax)", "([secret])"],
  ["two that overlap", ["abcdef", "defghi"], "-abcdefghi-", "-[secret]-"],
  ["a key of CRLF lines, told with LF", [KEY], KEY.replaceAll("\r", ""), "[secret]\n[secret]\n[secret]\n[secret]\n"],
  ["a line of it", [KEY], "bad: line-two-of-it!", "bad: [secret]!"],
  ["as JSON writes it", ['say "canary" \\'], JSON.stringify({ a: 'say "canary" \\' }), '{"a":"[secret]"}'],
  ["as a URL has it", ["can ary/?"], "https://x/?p=can%20ary%2F%3F", "https://x/?p=[secret]"],
  ["as a shell quotes it", ["it's canary"], "echo 'it'\\''s canary'", "echo '[secret]'"],
  [
    "a short one, where it stands alone",
    ["42"],
    "port 42, not 421 or a42: 42",
    "port [secret], not 421 or a42: [secret]",
  ],
  ["nothing but blanks", ["  "], "a  b", "a  b"],
])("%s", (_, secrets, text, clean) => {
  expect(redactText(text, secrets)).toBe(clean);
  expect(redactText(text, [...secrets].reverse())).toBe(clean);
});

// pulumi/pulumi#19465: a log had the header of a request
it.each(["", "u:", "ann:", "user:"])('base64 of it, after "%s"', (before) => {
  for (const secret of ["canary-token", "canary?>~token!", KEY.trim()])
    for (const encoding of ["base64", "base64url"] as const) {
      const text = `Authorization: Basic ${Buffer.from(`${before}${secret}`).toString(encoding)}`;
      const clean = redactText(text, [secret]);
      expect(clean).toMatch(/^Authorization: Basic \S{0,8}\[secret\]\S{0,4}$/);
    }
});

it("a text is cleaned before it is cut", () =>
  withSecrets(["canary-of-many-letters"], () => {
    expect(shorten("12345 canary-of-many-letters", 12)).toBe("12345 [secre");
    expect(lastLines("a\ncanary-of-many-letters\nb", 2)).toBe("[secret]\nb");
  }));

it("a process's error knows the call's secrets, where its command is cut too", async () => {
  const secret = `canary${"x".repeat(400)}`;
  const failed = await withSecrets([secret], () => run("sh", ["-c", "echo $0 >&2; exit 3", secret]).catch((e) => e));
  expect(failed.message).toContain("exit code 3");
  expect(`${failed.message} ${failed.stderr} ${failed.stdout}`).not.toContain("canary");
});
