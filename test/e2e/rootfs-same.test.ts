/**
 * The same description under another umask, time zone, locale and folder, with repositories in another order: the same
 * digest and commit.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../provider/local/run.ts";
import { type Bench, startBench } from "./life.ts";

const inputs = {
  packages: ["nano", "iputils-ping"],
  timezone: "Europe/Berlin",
  users: [{ name: "ann", authorizedKeys: [], sudo: true }],
  files: { "/etc/own/a": { content: "a\n" }, "/usr/share/Ünïcode/b": { content: "b\n" } },
};

let bench: Bench;
beforeAll(async () => {
  bench = await startBench("same");
});
afterAll(() => bench?.end());

/** Builds in a process of its own, in a store of its own. */
async function build(name: string, umask: string, env: Record<string, string>, more: object = {}): Promise<unknown> {
  const folder = join(bench.work, name);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const argument = JSON.stringify({
    config: { ...bench.config, store: join(folder, "store") },
    inputs: { ...inputs, ...more },
  });
  const tsx = join(import.meta.dirname, "../../node_modules/.bin/tsx");
  const program = [process.execPath, tsx, join(import.meta.dirname, "build-rootfs.ts"), argument];
  const { stdout } = await run("/bin/sh", ["-c", `umask ${umask}; exec "$@"`, "sh", ...program], {
    env: { PATH: process.env.PATH!, HOME: process.env.HOME!, ...env },
    extendEnv: false,
    cwd: folder,
    timeout: 600_000,
  });
  return JSON.parse(stdout);
}

it("gives the same digest and commit", async () => {
  const one = await build("one", "022", { TZ: "UTC", LC_ALL: "C" });
  const other = await build(
    "another/much deeper/folder",
    "077",
    { TZ: "Pacific/Kiritimati", LC_ALL: "de_DE.UTF-8", LANG: "tr_TR.UTF-8" },
    { repositories: ["community", "main"], packages: [...inputs.packages].reverse() },
  );
  expect(other).toEqual(one);
});
