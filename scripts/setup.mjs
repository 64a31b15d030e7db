/**
 * `npm run setup`: makes this machine ready with npm packages, Debian packages, the Pulumi CLI and the plugin. Skips
 * steps that are done. The demo and the tests call it themselves.
 */
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { debianPackages, subordinateIds, tunDevice } from "./setup/debian.mjs";
import { npmPackages } from "./setup/npm.mjs";
import { pulumiFolder } from "./setup/pulumi.mjs";
import { linkSdk } from "./setup/sdk.mjs";
import { runMain, say } from "./setup/tell.mjs";

const STEPS = {
  debian: async () => {
    await debianPackages();
    await subordinateIds();
  },
  tun: tunDevice,
  npm: async () => {
    await npmPackages();
    await linkSdk();
  },
  pulumi: async () => {
    process.env.PATH = `${await pulumiFolder()}${delimiter}${process.env.PATH}`;
  },
  plugin: async () => (await import("./build.mjs")).build(), // esbuild exists only after npm ci
};

/**
 * Runs the named steps (default: all but `tun`, which only group hijack needs) in their order. Puts the Pulumi CLI on
 * this process's PATH.
 */
export async function setUp(names = Object.keys(STEPS).filter((name) => name !== "tun")) {
  for (const [name, work] of Object.entries(STEPS)) if (names.includes(name)) await work();
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  runMain(async () => {
    await setUp();
    say("set-up: ready");
  });
