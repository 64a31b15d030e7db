/**
 * What the container's init decides to start (system/container/init), as GRUB would on a machine. Its mounts are for
 * the e2e tests.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { type EnvState, envBlock, parseEnvBlock } from "../../../provider/boot/state.ts";
import { run } from "../../../provider/local/run.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-init-"));
afterAll(() => rmSync(dir, { recursive: true }));
// in place of musl's loader: this machine's own busybox
writeFileSync(
  join(dir, "ld.so"),
  `#!/bin/sh
shift
# a disk that says it has what it has not
if [ "$1" = fsync ] && [ -e "$2.kept" ]; then cp "$2.kept" "$2"; fi
[ "$1" != fsync ] || exec sync "$2"
exec busybox "$@"
`,
);
chmodSync(join(dir, "ld.so"), 0o755);

/** As a later version writes it: keys that today's do not know come between theirs (provider/boot: none may go). */
const later = (state: EnvState) =>
  `${envBlock(state).toString().replace(/#+$/, "").replace("pine_trial=", "pine_later=a=b c\npine_trial=")}pine_more=1\n`.padEnd(
    1024,
    "#",
  );

interface Given {
  state: EnvState;
  slots?: string;
  old?: boolean;
  readOnly?: boolean;
  /** What is written does not stay. */
  forgets?: boolean;
}

async function decide({ state, slots = "ab", old = true, readOnly, forgets }: Given): Promise<[string, EnvState]> {
  for (const name of ["a", "b"]) {
    rmSync(join(dir, `${name}.cfg`), { force: true });
    if (slots.includes(name)) writeFileSync(join(dir, `${name}.cfg`), "set pine_title\n");
  }
  const env = join(dir, "env");
  rmSync(env, { recursive: true, force: true });
  writeFileSync(env, envBlock(state));
  rmSync(`${env}.kept`, { force: true });
  if (forgets) writeFileSync(`${env}.kept`, envBlock(state));
  const script = asset("system", "container", "init");
  const variables = { PINE_BASE: dir, PINE_DIR: dir, PINE_OLD: old ? "/bin/sh" : "/none", PINE_DECIDE: "1" };
  // a file that cannot be written, also not by root
  const write = readOnly
    ? ["unshare", "-rm", "sh", "-c", `mount --bind ${env} ${env} && mount -o remount,bind,ro ${env} && exec "$@"`, "sh"]
    : [];
  const [file, ...args] = [...write, "busybox", "sh", script];
  const { stdout } = await run(file!, args, { env: { PATH: process.env.PATH!, ...variables } });
  const block = readFileSync(env);
  expect(block.length).toBe(1024);
  return [stdout.trim(), parseEnvBlock(block)];
}

describe("the container's init", () => {
  it.each<[string, Given, string, EnvState]>([
    ["nothing confirmed: the old system", { state: {} }, "old a b", {}],
    ["a first trial, counted", { state: { trial: "a", tries: 1 } }, "trial:a old a b", { trial: "a", tries: 0 }],
    ["a trial that had its boots", { state: { trial: "a", tries: 0 } }, "old a b", { trial: "a", tries: 0 }],
    ["a trial without a slot", { state: { trial: "a", tries: 1 }, slots: "b" }, "old a b", { trial: "a", tries: 1 }],
    [
      "an update on trial",
      { state: { slot: "a", trial: "b", tries: 2 } },
      "trial:b a b old",
      { slot: "a", trial: "b", tries: 1 },
    ],
    ["a confirmed slot, counted", { state: { slot: "a" } }, "a b old", { slot: "a", boots: 1 }],
    ["its third boot", { state: { slot: "b", boots: 2 } }, "b a old", { slot: "b", boots: 3 }],
    ["then the other", { state: { slot: "a", boots: 3 } }, "b a old", { slot: "a", boots: 4 }],
    ["and at last the old system", { state: { slot: "a", boots: 6 } }, "old a b", { slot: "a", boots: 6 }],
    [
      "where there is none, from the beginning",
      { state: { slot: "a", boots: 6 }, old: false },
      "a b old",
      { slot: "a", boots: 1 },
    ],
    ["no other slot", { state: { slot: "a", boots: 3 }, slots: "a" }, "old a b", { slot: "a", boots: 3 }],
    [
      "a state that cannot be written: no trial",
      { state: { slot: "a", trial: "b", tries: 1 }, readOnly: true },
      "a b old",
      { slot: "a", trial: "b", tries: 1 },
    ],
    [
      "a count that does not read back: no trial, and so no loop",
      { state: { slot: "a", trial: "b", tries: 2 }, forgets: true },
      "a b old",
      { slot: "a", trial: "b", tries: 2 },
    ],
  ])("%s", async (_, given, candidates, after) => {
    const [said, state] = await decide(given);
    expect(said).toBe(candidates);
    const none = { slot: undefined, trial: undefined, tries: undefined, boots: undefined };
    expect(state).toEqual({ ...none, ...after });
  });
  // meta-balena#3908, #3922, #2626
  it.each<[string, (env: string) => void, string]>([
    ["zeroed", (env) => writeFileSync(env, Buffer.alloc(1024)), "b a old"],
    ["cut to 512 bytes", (env) => writeFileSync(env, envBlock({ slot: "b" }).subarray(0, 512)), "b a old"],
    ["empty", (env) => writeFileSync(env, ""), "b a old"],
    ["garbage", (env) => writeFileSync(env, Buffer.alloc(1024, "x=1\n")), "b a old"],
    [
      "random bytes",
      (env) => writeFileSync(env, Buffer.from(Array.from({ length: 1024 }, (_, n) => (n * 197) % 256))),
      "b a old",
    ],
    ["gone", () => {}, "b a old"],
    ["a folder", (env) => mkdirSync(env), "b a old"],
    [
      "of a version that has more to say",
      (env) => writeFileSync(env, later({ slot: "b", trial: "a", tries: 1 })),
      "trial:a b a old",
    ],
  ])(
    "an environment block that is %s leads to a system that was confirmed, or on trial",
    async (_, damage, candidates) => {
      for (const name of ["a", "b"]) writeFileSync(join(dir, `${name}.cfg`), "set pine_title\n");
      writeFileSync(join(dir, "confirmed.cfg"), "set pine_slot=b\n");
      for (const name of ["env", "env.kept"]) rmSync(join(dir, name), { recursive: true, force: true });
      damage(join(dir, "env"));
      const env = { PATH: process.env.PATH!, PINE_BASE: dir, PINE_DIR: dir, PINE_OLD: "/bin/sh", PINE_DECIDE: "1" };
      const { stdout } = await run("busybox", ["sh", asset("system", "container", "init")], { env });
      rmSync(join(dir, "confirmed.cfg"));
      rmSync(join(dir, "env"), { recursive: true, force: true });
      expect(stdout.trim()).toBe(candidates);
    },
  );
  it("starts the old system where there is no state at all", async () => {
    rmSync(join(dir, "env"), { force: true });
    const env = { PATH: process.env.PATH!, PINE_BASE: dir, PINE_DIR: dir, PINE_OLD: "/bin/sh", PINE_DECIDE: "1" };
    const { stdout } = await run("busybox", ["sh", asset("system", "container", "init")], { env });
    expect(stdout.trim()).toBe("old a b");
  });
});
