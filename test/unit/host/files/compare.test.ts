import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compareFile, type Expected, readText, sameFiles, sameOwner } from "../../../../provider/host/files/compare.ts";
import { isReinstall } from "../../../../provider/host/server/record.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { run } from "../../../../provider/local/run.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-compare-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string) => join(dir, name);

/** The real script, on this machine instead of over SSH. */
const here = {
  exec: (script: string, args: string[], o: { input?: string | Uint8Array }) =>
    run("sh", ["-c", script, "sh", ...args], { input: o.input }),
} as unknown as Ssh;

const SHA = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"; // of "foo"
const me = `${process.getuid!()}:${process.getgid!()}`;

describe("a file on the server against what it should be", () => {
  writeFileSync(at("foo"), "foo", { mode: 0o640 });
  writeFileSync(at("empty"), "", { mode: 0o640 });
  symlinkSync("foo", at("link"));
  const cases: [Partial<Expected> & { path: string }, object | undefined][] = [
    [{ path: "foo", content: "foo" }, undefined],
    [{ path: "foo", content: Buffer.from("foo") }, undefined],
    [{ path: "foo", sha256: SHA }, undefined],
    [{ path: "empty", content: "" }, undefined],
    [{ path: "foo", content: "foo\n" }, { content: true }],
    [{ path: "empty", content: "foo" }, { content: true }],
    [{ path: "foo", content: "" }, { content: true }],
    [{ path: "empty", sha256: SHA }, { content: true }],
    [
      { path: "foo", content: "foo", mode: "0600" },
      { content: false, mode: "0640" },
    ],
    [
      { path: "foo", content: "foo", owner: "nobody-here" },
      { content: false, owner: expect.stringMatching(/:/) },
    ],
    [{ path: "nothing", content: "" }, { gone: true }],
    [{ path: "link", content: "foo" }, { gone: true }],
  ];
  it.each(cases)("%j", async (file, difference) => {
    const expected = { mode: "0640", owner: me, ...file, path: at(file.path) };
    const found = await compareFile(here, expected);
    expect(found).toEqual(difference && { ...difference, path: expected.path });
    expect(await sameFiles(here, [expected])).toBe(difference === undefined);
  });
});

describe("the text that is shown", () => {
  it.each([
    ["line\nline\n", true],
    ["no end of line", true],
    ["", true],
    ["a\u0000b", false],
    [Buffer.from([0xff, 0xfe, 0x41]), false],
    ["x".repeat(70_000), false],
  ])("%#", async (content, shown) => {
    writeFileSync(at("text"), content);
    expect(await readText(here, at("text"))).toBe(shown ? content : undefined);
  });
});

it.each([
  ["root:root", "root:root", "0:0", true],
  ["0:0", "root:root", "0:0", true],
  ["root", "root:adm", "0:4", true],
  ["root:root", "root:adm", "0:4", false],
  ["lighttpd:root", "root:root", "0:0", false],
])("%s is %s (%s): %s", (wanted, names, ids, same) => {
  expect(sameOwner(wanted, names, ids)).toBe(same);
});

it.each([
  [{ id: "x", done: "1" }, true, true], // --replace
  [{ id: "x" }, true, false], // what a killed run left
  [{ id: "x", done: "1" }, false, false], // an update
  [{ id: "x", fresh: "1" }, false, true], // a reinstall that was cut off
  [{ id: "x", fresh: "1" }, true, true],
  [undefined, true, false],
])("record %j, create %s: reinstall %s", (record, create, expected) => {
  expect(isReinstall(record as Record<string, string> | undefined, create)).toBe(expected);
});
