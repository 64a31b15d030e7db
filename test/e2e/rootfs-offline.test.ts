/** The network gone: in a namespace without routes a Rootfs is made again from its lock and the cache of packages. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunError, run } from "../../provider/local/run.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type Bench, Life, startBench } from "./life.ts";

const inputs = { packages: ["nano"], files: { "/etc/motd": { content: "hello\n" } } };
let bench: Bench;
let life: Life;
beforeAll(async () => {
  bench = await startBench("offline");
  life = new Life(rootfs, bench.config);
  await life.up(inputs);
});
afterAll(() => bench?.end());

/**
 * Updates the known Rootfs in a store of its own, by a process whose network has not even a loopback device that is up.
 */
async function offline(store: string): Promise<{ digest: string; checksum: string }> {
  const known = { id: life.id, state: life.state, inputs: life.inputs };
  const argument = JSON.stringify({ config: { ...bench.config, store: join(bench.work, store) }, inputs, known });
  const tsx = join(import.meta.dirname, "../../node_modules/.bin/tsx");
  const program = [process.execPath, tsx, join(import.meta.dirname, "build-rootfs.ts"), argument];
  const user = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const back =
    user.length > 0 ? ["setpriv", `--reuid=${process.getuid!()}`, `--regid=${process.getgid!()}`, "--init-groups"] : [];
  const argv = [
    ...user,
    "unshare",
    "--net",
    "--",
    ...back,
    "env",
    `PATH=${process.env.PATH}`,
    `HOME=${process.env.HOME}`,
    ...program,
  ];
  return JSON.parse((await run(argv[0]!, argv.slice(1), { timeout: 600_000 })).stdout);
}

it("is made again, the same", async () => {
  // from the packages, not from their installation
  rmSync(join(bench.config.cache, "bases"), { recursive: true });
  expect(await offline("again")).toEqual({ digest: life.state.digest, checksum: life.state.checksum });
});

it("without the packages it fails, and names the first", async () => {
  for (const folder of ["packages", "bases"]) rmSync(join(bench.config.cache, folder), { recursive: true });
  const error = (await offline("never").catch((e) => e)) as RunError;
  const first = (life.state.lockedPackages as { name: string; version: string }[])[0]!;
  expect(error.stderr).toContain(`package ${first.name} ${first.version} and `);
  expect(error.stderr).toMatch(/the mirror was not reached; .*http:\/\/127\.0\.0\.1/);
});
