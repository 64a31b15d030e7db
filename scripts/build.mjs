/**
 * Builds the plugin into bin/: `pulumi-resource-pine` starts pine.cjs, the whole provider in one file, with its data
 * beside it. Writes a file only when its bytes differ, and under another name first, so that running plugins and tests
 * are not disturbed.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { repository, runMain, SetupError, say } from "./setup/tell.mjs";

const bin = join(repository, "bin");
const provider = join(repository, "provider");

/** Data that the provider reads at run time through assets.ts. Each script lies beside the file that sends it. */
const DATA = ["schema.json", "system", "keys"];
const SCRIPTS = ["host", "image", "publish", "rehearsal"];

const LAUNCHER = '#!/usr/bin/env node\nrequire("./pine.cjs");\n';

async function bundle(entry) {
  const { build: esbuild } = await import("esbuild");
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const result = await esbuild({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    keepNames: true,
    write: false,
    logLevel: "silent",
    define: { "import.meta.dirname": "__dirname", PINE_VERSION: JSON.stringify(version) },
  }).catch((error) => {
    throw new SetupError(`the plugin does not build:\n${error.message}`);
  });
  return result.outputFiles[0].contents;
}

function put(name, content, mode = 0o644) {
  const file = join(bin, name);
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(content)) && (statSync(file).mode & 0o777) === mode)
    return 0;
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, content, { mode });
  chmodSync(fresh, mode);
  renameSync(fresh, file);
  return 1;
}

/** Paths of all files under `path` (a file or a folder), relative to the provider's folder. */
function files(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [relative(provider, path)];
  return readdirSync(path).flatMap((name) => files(join(path, name)));
}

/** Builds what changed, and then says so in one line. */
export async function build() {
  if (!existsSync(join(provider, "main.ts"))) throw new SetupError("provider/main.ts is not there");
  let written = put("package.json", '{ "type": "commonjs" }\n'); // the repository's own says "module"
  written += put("pine.cjs", await bundle(join(provider, "main.ts")));
  written += put("pulumi-resource-pine", LAUNCHER, 0o755);
  const scripts = SCRIPTS.flatMap((part) => files(join(provider, part))).filter((name) => name.endsWith(".sh"));
  const data = [...DATA.flatMap((part) => files(join(provider, part))), ...scripts];
  for (const name of data)
    written += put(name, readFileSync(join(provider, name)), statSync(join(provider, name)).mode & 0o777);
  for (const part of ["system", "keys", ...SCRIPTS])
    if (existsSync(join(bin, part)))
      for (const name of readdirSync(join(bin, part), { recursive: true })) {
        const path = join(part, String(name));
        if (!existsSync(join(provider, path))) rmSync(join(bin, path), { recursive: true, force: true });
      }
  if (written) say(`set-up: the plugin is built in bin/ (${written} files)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runMain(build);
