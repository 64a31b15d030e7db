/**
 * The generated SDK as a program imports it: compiled (its loading on demand is CommonJS), linked as
 * `@pine/pulumi-pine`.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { repository, run, step } from "./tell.mjs";

const sdk = join(repository, "sdk", "nodejs");
const bin = join(sdk, "bin");
const mark = join(bin, ".digest");

/** File of the SDK that says which schema it was made from. */
export const MADE_FROM = ".schema";

/** Digest of what provider/schema.json says, however it is laid out. */
export function schemaDigest() {
  const schema = JSON.parse(readFileSync(join(repository, "provider", "schema.json"), "utf8"));
  return createHash("sha256").update(JSON.stringify(schema)).digest("hex");
}

/** Whether the committed SDK was made from the current schema. */
export function sdkFits() {
  const file = join(sdk, MADE_FROM);
  return existsSync(file) && readFileSync(file, "utf8").trim() === schemaDigest();
}

/** Digest of every source file of the SDK and of the compiler's version. */
function digest() {
  const hash = createHash("sha256").update(readFileSync(join(repository, "node_modules/typescript/package.json")));
  const names = readdirSync(sdk, { recursive: true }).map(String).sort();
  for (const name of names)
    if (/^(?!bin\/|node_modules\/).*\.(ts|json)$/.test(name))
      hash.update(`${name}\0`).update(readFileSync(join(sdk, name)));
  return hash.digest("hex");
}

function link() {
  const scope = join(repository, "node_modules", "@pine");
  const path = join(scope, "pulumi-pine");
  const target = join("..", "..", "sdk", "nodejs");
  try {
    if (readlinkSync(path) === target) return;
  } catch {
    // no link, or something else in its place
  }
  rmSync(path, { recursive: true, force: true });
  mkdirSync(scope, { recursive: true });
  symlinkSync(target, path);
}

/**
 * Compiles the SDK when its sources changed, and links it into node_modules. Nothing to do where there is no SDK yet.
 */
export async function linkSdk() {
  if (!existsSync(join(sdk, "index.ts"))) return;
  link();
  const wanted = digest();
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  await step("compiling the SDK", async () => {
    rmSync(bin, { recursive: true, force: true });
    await run(join(repository, "node_modules", ".bin", "tsc"), ["-p", sdk]);
    copyFileSync(join(sdk, "package.json"), join(bin, "package.json")); // its code reads the version from it
    writeFileSync(mark, wanted);
  });
}
