/**
 * update.sh stopped between any two of its commands: the slot that runs is the one that boots, whole and untouched,
 * what people have in /var is there, and the next run completes. Its delta is a real one, in a real repository.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DEPLOYMENTS, OTHER, repository, running, settings, step, withRepository } from "./a-running.ts";
import { SHELLS } from "./a-server.ts";
import { CHECKSUM, DEPLOYMENT, sha256 } from "./a-sysroot.ts";
import { type Scenario, stopEverywhere } from "./stops.ts";
import { chosen, dataOf } from "./what-boots.ts";

const work = mkdtempSync(join(tmpdir(), "pine-stops-update-"));
afterAll(() => rmSync(work, { recursive: true }));
const text = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);
/** One of these, whole. */
const oneOf = (path: string, wanted: (string | undefined)[]) => (root: string) =>
  wanted.includes(text(join(root, path))) ? [] : [`${path} is ${JSON.stringify(text(join(root, path)))}`];

function boots(root: string): string[] {
  const { choice, problems } = chosen(root);
  const a = join(DEPLOYMENTS, DEPLOYMENT);
  return [
    ...problems,
    ...(choice === "a" ? [] : [`${choice} boots`]),
    ...dataOf(root),
    ...oneOf(join(a, "usr/etc/app.conf"), ["the commit's\n"])(root),
    ...oneOf("etc/hostname", ["web\n"])(root),
    ...oneOf("etc/app.conf", ["before\n", "after\n"])(root),
    ...oneOf("etc/gone", ["of ours\n", undefined])(root),
    ...((text(join(root, "boot/grub/pine/install")) ?? "").includes("method=alongside\n") ? [] : ["no record"]),
  ];
}

const files: Scenario = {
  name: "files, the record, and /etc anew",
  tree: running,
  steps: [
    step(["adopt", "2", "t", "v", "fresh"]),
    step(["write", "/etc/app.conf", "640", "0:0"], "after\n"),
    step(["write", "/var/roothome/keys", "600", "0:0"], "a key\n"),
    step(["remove", "/etc/gone"]),
    step(["fresh", OTHER]),
    step(["write-in", OTHER, "/etc/hostname", "644", "0:0"], "web\n"),
    step(["done"]),
  ],
  judge: boots,
  settings: settings(work),
};

const made = repository(work);
const name = sha256(made.delta);
const size = String(made.delta.length);
const objects = (root: string) =>
  readdirSync(join(root, "sysroot/ostree/repo/objects"), { recursive: true, encoding: "utf8" }).filter((f) =>
    f.includes("."),
  );
const commitFile = (checksum: string) => `${checksum.slice(0, 2)}/${checksum.slice(2)}.commit`;
const receive = [
  step(["part", name, size]),
  step(["receive", name, size, "0", made.second], made.delta),
  step(["forget"]),
];

describe.each(SHELLS)("%s", (shell) => {
  const stopped = async (scenario: Scenario) => {
    const { stops, ran, problems } = await stopEverywhere(shell, scenario);
    if (process.env.PINE_STOPS) console.log(shell, scenario.name, stops, ran);
    expect(problems).toEqual([]);
    expect(stops).toBeGreaterThan(5);
  };
  it("files, the record, and /etc anew", () => stopped(files), 600_000);
  it("a delta that is sent, applied and forgotten", () => {
    const all = new Set<string>();
    return stopped({
      name: "the delta",
      tree: (root) => withRepository(root, made.repo),
      steps: receive,
      judge: (root) => {
        const there = objects(root);
        const file = join(root, "sysroot/ostree/deploy/pine/var/lib/pine/incoming", name);
        const part = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
        // the first call is of the undisturbed run
        if (all.size === 0) for (const f of there) all.add(f);
        return [
          ...boots(root),
          ...(there.includes(commitFile(made.first)) ? [] : ["the commit that runs is gone"]),
          ...(there.includes(commitFile(made.second)) && there.length < all.size
            ? ["the new commit is not whole"]
            : []),
          ...(part.equals(made.delta.subarray(0, part.length)) ? [] : ["what is there of the delta is not of it"]),
        ];
      },
      next: [
        { name: "again", steps: receive },
        {
          name: "another delta, that does not come",
          steps: [step(["part", CHECKSUM, "10"])],
          judge: (root) =>
            readdirSync(join(root, "sysroot/ostree/deploy/pine/var/lib/pine/incoming")).map((f) => `${f} is there`),
        },
      ],
      settings: settings(work),
    });
  }, 600_000);
});
