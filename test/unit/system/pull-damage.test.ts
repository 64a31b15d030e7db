/**
 * A repository that lacks something, or holds what a disk spoiled: what waits is made whole by itself, and what only
 * other commits lack is no reason to stay with them (64, 65: ostreedev/ostree#2549, #959, #1778, #2522). Both shells.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GREEN, Updater } from "./an-updater.ts";

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let u: Updater;
  let n = 0;
  beforeAll(async () => {
    u = await Updater.make(shell);
    u.turn("");
  });
  afterAll(() => u?.p.end());
  const repo = () => join(u.p.s.root, "ostree/repo");
  const objects = () =>
    readdirSync(join(repo(), "objects"), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const checksumOf = (file: string) => file.replace(/.*objects\/(..)\/(.*)\..*/, "$1$2");
  /** Objects that one commit has, and another has not. */
  async function ownObjects(commit: string, other: string, kind: string): Promise<string[]> {
    const listed = async (one: string) => (await u.p.s.ostree(["ls", "-RC", `--repo=${repo()}`, one])).stdout;
    const [mine, theirs] = [await listed(commit), await listed(other)];
    return objects().filter((f) => f.endsWith(kind) && mine.includes(checksumOf(f)) && !theirs.includes(checksumOf(f)));
  }
  /** A link is cut first: the file may be a deployment's, too. */
  const spoil = (file: string, text: string | undefined) => {
    rmSync(file);
    if (text !== undefined) writeFileSync(file, text, { mode: 0o644 });
  };
  const sound = async (commit: string) => {
    // in a repository of its own: others may lack what they lack
    const copy = join(u.p.s.dir, `copy-${n++}`);
    await u.p.s.ostree(["init", `--repo=${copy}`, "--mode=bare-user"]);
    await u.p.s.ostree(["pull-local", "--untrusted", `--repo=${copy}`, repo(), commit]);
    await u.p.s.ostree(["fsck", "--quiet", `--repo=${copy}`]);
    rmSync(copy, { recursive: true });
  };
  const verified = () => u.p.refused("pull", ["verify"]);

  test.each([[".file"], [".dirtree"], [".dirmeta"]])(
    "a cut-off delta left the commit, unmarked, without a %s: it is fetched, and needs nobody",
    async (kind) => {
      const commit = await u.p.publish(`lacks-${n++}`, `1.1.${n}`);
      await u.p.s.ostree(["pull-local", `--repo=${repo()}`, u.p.repo, commit]);
      const own =
        kind === ".dirmeta" ? objects().filter((f) => f.endsWith(kind)) : await ownObjects(commit, u.p.s.first, kind);
      expect(own).not.toEqual([]);
      for (const file of own) rmSync(file);
      expect(existsSync(join(repo(), `state/${commit}.commitpartial`))).toBe(false);
      expect(await u.p.refused("pull", ["stage"])).toBe("done");
      await sound(commit);
    },
  );

  test("the commit itself came as rubbish", async () => {
    const commit = await u.p.publish(`rubbish-${n++}`, `1.1.${n}`);
    await u.p.s.ostree(["pull-local", `--repo=${repo()}`, u.p.repo, commit]);
    spoil(objects().find((f) => checksumOf(f) === commit && f.endsWith(".commit"))!, "rubbish");
    expect(await u.p.refused("pull", ["stage"])).toBe("done");
    await sound(commit);
  });

  describe("before its reboot", () => {
    let commit = "";
    const alone: Record<string, string> = {};
    beforeAll(async () => {
      commit = await u.stage(`waits-${n++}`, "1.2.0");
      for (const kind of [".file", ".dirtree"]) alone[kind] = (await ownObjects(u.p.s.first, commit, kind))[0]!;
    });
    test.each<[string, string, string | undefined]>([
      ["lacks a file", ".file", undefined],
      ["lacks a folder", ".dirtree", undefined],
      ["has an empty file", ".file", ""],
      ["has an empty folder, as after a power cut", ".dirtree", ""],
      ["has a folder of rubbish", ".dirtree", "rubbish"],
    ])("it %s: fetched again", async (_, kind, text) => {
      const [own] = await ownObjects(commit, u.p.s.first, kind);
      spoil(own!, text);
      expect(await verified()).toBe("done");
      await sound(commit);
    });
    test("what it shares with what runs is spoiled: fetched again, though what runs is marked, too", async () => {
      const theirs = (await u.p.s.ostree(["ls", "-RC", `--repo=${repo()}`, u.p.s.first])).stdout;
      const shared = /([0-9a-f]{64}) \/usr\/bin\/busybox$/m.exec(theirs)![1]!;
      spoil(objects().find((f) => checksumOf(f) === shared)!, "SPOILED\n");
      expect(await verified()).toBe("done");
      await sound(commit);
      await sound(u.p.s.first);
    });
    test.each<[string, string, string | undefined]>([
      ["a spoiled file", ".file", "SPOILED\n"],
      ["no folder any more", ".dirtree", undefined],
    ])("what runs alone has %s, and is not to be had: that does not keep the server on it", async (_, kind, text) => {
      spoil(alone[kind]!, text);
      expect(await verified()).toBe("done");
      await sound(commit);
    });
    test("and it reboots: OSTree deploys, and prunes what it can (ostree#959)", async () => {
      expect(await u.reboot({ health: GREEN }, "now")).toBe("done");
      expect(u.p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
      expect(readFileSync(join(u.p.s.slots, "b.cfg"), "utf8")).toContain(commit);
      await u.p.run("agent", ["disarm"]);
      await u.p.run("agent", ["restore", `${commit}.0`]);
      expect(u.p.s.bootable()).toEqual({ a: "1" });
    });
  });
});
