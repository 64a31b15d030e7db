/**
 * A server that is published to and wants to write files of the build machine: a real sshd, and a folder with links
 * where files were listed.
 */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { removeOthers, takeIn } from "../../../../provider/publish/remote.ts";
import { withSshRemote } from "../../../../provider/publish/ssh/place.ts";
import { quietTask } from "../../../../provider/task.ts";
import { startSshd } from "../../../lab/sshd/index.ts";

let sshd: Awaited<ReturnType<typeof startSshd>>;
const base = mkdtempSync(join(tmpdir(), "pine-hostile-"));
beforeAll(async () => {
  mkdirSync(join(base, "sshd"));
  sshd = await startSshd(join(base, "sshd"));
});
afterAll(async () => {
  await sshd?.end();
  rmSync(base, { recursive: true });
});

let [victim, there, copy, into] = ["", "", "", ""];
beforeEach(() => {
  const dir = mkdtempSync(join(base, "case-"));
  [victim, there, copy, into] = ["victim", "there", "copy", "into"].map((n) => join(dir, n)) as [
    string,
    string,
    string,
    string,
  ];
  for (const d of [victim, there, copy, into]) mkdirSync(d);
  writeFileSync(join(victim, "authorized_keys"), "mine\n");
});
const MANIFEST = "pine/web.manifest";

/** Both files, of four bytes each as they were listed. */
const fetched = () => {
  const listed = new Map(["summary", MANIFEST].map((name) => [name, 4]));
  return withSshRemote(sshd.connection, there, quietTask(), (r) => r.fetch(listed, into, () => {}));
};

it("a link that it sends in place of a file is refused, and not made", async () => {
  mkdirSync(join(there, "pine"));
  writeFileSync(join(there, "summary"), "fine");
  symlinkSync(join(victim, "authorized_keys"), join(there, MANIFEST));
  const got = fetched();
  await expect(got).rejects.toThrow(/sent pine\/web\.manifest as SymbolicLink, and a repository has only files/);
  // the file before it may be there by then, or not
  expect(readdirSync(into).filter((name) => name !== "summary")).toEqual([]);
});

it("a hard link that it sends in place of a file is refused", async () => {
  mkdirSync(join(there, "pine"));
  writeFileSync(join(there, "summary"), "fine");
  linkSync(join(there, "summary"), join(there, MANIFEST));
  const got = fetched();
  await expect(got).rejects.toThrow(/as Link/);
});

it.each<[string, number, RegExp]>([
  [
    "longer than it was listed is refused",
    6,
    /sent summary with 6 bytes, and it had listed 4; find out who else writes there/,
  ],
  [
    "without end is given up, and what sends it is not waited for",
    200_000_000,
    // by its head or by its bytes, whichever is read first
    /sent (more than \d+ kB \(1 files that it had listed|summary with 200000000 bytes, and it had listed 4)/,
  ],
])("a file that is %s", async (_, size, says) => {
  writeFileSync(join(there, "summary"), "");
  truncateSync(join(there, "summary"), size);
  const got = withSshRemote(sshd.connection, there, quietTask(), (r) =>
    r.fetch(new Map([["summary", 4]]), into, () => {}),
  );
  await expect(got).rejects.toThrow(says);
  expect(readdirSync(into)).toEqual([]);
});

it("a folder in place of a file is refused, whatever is in it", async () => {
  mkdirSync(join(there, "summary"));
  writeFileSync(join(there, "summary", "authorized_keys"), "evil");
  const got = withSshRemote(sshd.connection, there, quietTask(), (r) =>
    r.fetch(new Map([["summary", 4]]), into, () => {}),
  );
  await expect(got).rejects.toThrow(/sent summary\/? as Directory, which was not asked for/);
  expect(readdirSync(into)).toEqual([]);
});

it("an answer that does not end is given up", async () => {
  const evil = join(base, "evil");
  mkdirSync(evil);
  writeFileSync(join(evil, "sha256sum"), "#!/bin/sh\nexec yes\n", { mode: 0o755 });
  writeFileSync(join(there, "summary"), "");
  mkdirSync(join(base, "other"));
  const other = await startSshd(join(base, "other"), { config: `SetEnv PATH=${evil}:/usr/bin:/bin` });
  try {
    const got = withSshRemote(other.connection, there, quietTask(), (r) => r.stamp());
    await expect(got).rejects.toThrow(/sent more than 66 kB \(reading the summary\)/);
  } finally {
    await other.end();
  }
});

it("plain files come in", async () => {
  mkdirSync(join(there, "pine"));
  writeFileSync(join(there, MANIFEST), "fine");
  await withSshRemote(sshd.connection, there, quietTask(), (r) => r.fetch(new Map([[MANIFEST, 4]]), into, () => {}));
  await takeIn(into, copy, [MANIFEST], "web");
  expect(readFileSync(join(copy, MANIFEST), "utf8")).toBe("fine");
});

it.each<[string, () => void]>([
  ["a link", () => symlinkSync(join(victim, "authorized_keys"), join(into, MANIFEST))],
  ["a hard link", () => linkSync(join(victim, "authorized_keys"), join(into, MANIFEST))],
  ["a folder", () => mkdirSync(join(into, MANIFEST))],
])("%s that is unpacked in whatever way does not get into our copy", async (_, make) => {
  mkdirSync(join(into, "pine"));
  make();
  await expect(takeIn(into, copy, [MANIFEST], "web")).rejects.toThrow(/web gave pine\/web\.manifest as a link/);
  expect(readdirSync(copy)).toEqual([]);
});

it("a folder that is a link, on either side, is not gone through", async () => {
  mkdirSync(join(into, "real"));
  writeFileSync(join(into, "real/web.manifest"), "x");
  symlinkSync("real", join(into, "pine"));
  await expect(takeIn(into, copy, [MANIFEST], "web")).rejects.toThrow(/below a link/);
  await expect(takeIn(into, copy, ["../x"], "web")).rejects.toThrow(/web gave \.\.\/x/);
  // what an earlier Pine let in
  rmSync(join(into, "pine"));
  mkdirSync(join(into, "pine"));
  writeFileSync(join(into, MANIFEST), "x");
  symlinkSync(victim, join(copy, "pine"));
  await takeIn(into, copy, [MANIFEST], "web");
  expect(readFileSync(join(copy, MANIFEST), "utf8")).toBe("x");
  expect(readdirSync(victim)).toEqual(["authorized_keys"]);
  symlinkSync(victim, join(copy, "refs"));
  await removeOthers(copy);
  expect(readdirSync(copy)).toEqual(["pine"]);
  expect(lstatSync(victim).isDirectory() && readFileSync(join(victim, "authorized_keys"), "utf8")).toBe("mine\n");
});
