/** Installs node_modules as package-lock.json says. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository, run, SetupError, step } from "./tell.mjs";

const lockFile = join(repository, "package-lock.json");
const installed = join(repository, "node_modules", ".package-lock.json"); // npm writes it last
const mark = join(repository, "node_modules", ".pine-lock");

const digest = () => createHash("sha256").update(readFileSync(lockFile)).digest("hex");

function fits() {
  if (!existsSync(installed)) return false;
  if (existsSync(mark)) return readFileSync(mark, "utf8") === digest();
  return statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs; // somebody's own `npm install`
}

export async function npmPackages() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 11))
    throw new SetupError(`Node 20.11 or later is needed, this is ${process.version}`);
  if (fits()) return;
  // --ignore-scripts: esbuild runs without its own, and @pulumi/command would fetch a plugin
  const count = Object.keys(JSON.parse(readFileSync(lockFile, "utf8")).packages).length - 1;
  await step(`${count} npm packages (npm ci)`, () =>
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]),
  );
  writeFileSync(mark, digest());
}
