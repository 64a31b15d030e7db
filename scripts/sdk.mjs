/**
 * `npm run sdk`: writes the Node.js SDK (sdk/nodejs, committed) from provider/schema.json. Uses Pulumi's generator, a
 * library in the CLI's Go module.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goEnvironment, goProgram } from "./setup/pulumi.mjs";
import { linkSdk, MADE_FROM, schemaDigest } from "./setup/sdk.mjs";
import { repository, run, runMain, SetupError, say, step } from "./setup/tell.mjs";

const schema = join(repository, "provider", "schema.json");
const sdk = join(repository, "sdk", "nodejs");

async function generate(into) {
  const work = mkdtempSync(join(tmpdir(), "pine-sdk-"));
  try {
    const tool = join(work, "sdk");
    const env = goEnvironment(work);
    const folder = join(repository, "scripts", "pulumi-build");
    await step("the SDK's generator (Go; minutes, the first time)", async () => {
      await run(await goProgram(), ["build", "-trimpath", "-buildvcs=false", "-o", tool, "."], { cwd: folder, env });
    });
    await run(tool, [schema, into]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  writeFileSync(join(into, MADE_FROM), `${schemaDigest()}\n`);
  writeFileSync(join(into, "package.json"), `${JSON.stringify(manifest(into), null, 2)}\n`);
}

/** The SDK's package.json: adds where the compiled code is, and drops generated fields that are not used. */
function manifest(folder) {
  const generated = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, description, license, dependencies, pulumi } = generated;
  return { name, version, description, license, main: "bin/index.js", types: "bin/index.d.ts", dependencies, pulumi };
}

const files = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((f) => f.isFile())
        .map((f) => join(f.parentPath ?? f.path, f.name).slice(folder.length + 1))
        .filter((name) => !/^(bin|node_modules)\//.test(name))
        .sort()
    : [];

/** Files that differ between two folders. */
function differing(a, b) {
  const names = new Set([...files(a), ...files(b)]);
  const read = (folder, name) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
  return [...names].filter((name) => read(a, name) !== read(b, name));
}

runMain(async () => {
  if (!existsSync(schema)) throw new SetupError("provider/schema.json is not there");
  const fresh = mkdtempSync(join(tmpdir(), "pine-sdk-out-"));
  try {
    await generate(fresh);
    const changed = differing(fresh, sdk);
    for (const name of files(sdk)) if (changed.includes(name)) rmSync(join(sdk, name));
    cpSync(fresh, sdk, { recursive: true });
    say(changed.length ? `sdk/nodejs: ${changed.join(", ")}` : "sdk/nodejs was up to date");
    await linkSdk();
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
});
