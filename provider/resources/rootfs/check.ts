/** Checks a Rootfs before anything is written: shape, contradictions, secrets, and files of this machine. */

import { constants } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import type { ArchiveEntry } from "../../image/archive/entries.ts";
import { readArchive } from "../../image/archive/read.ts";
import { accessible } from "../../local/files.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import { checkProps } from "../../properties/rule.ts";
import { Archive, Asset, hasSecret, hasUnknown, type Props, plain, Secret } from "../../properties/values.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Config } from "../../resource.ts";
import { contradictions } from "./contradictions.ts";
import { pathFailures } from "./paths.ts";
import { recipeBase } from "./recipe.ts";
import { type RootfsInputs, rootfsShape } from "./shape.ts";

export async function checkRootfs(news: Props, config: Config): Promise<{ inputs: Props; failures: CheckFailure[] }> {
  const { inputs, failures } = checkProps(news, rootfsShape(config));
  for (const [name, value] of Object.entries(news)) {
    if (!hasSecret(name === "users" ? withoutHashes(value) : value)) continue;
    const reason =
      name === "files"
        ? "holds something secret, and everybody who has the image can read it; put secret files into HostHijack's files"
        : "is secret, and everybody who has the image can read it; give a plain value (public keys are not secret: pulumi.unsecret)";
    failures.push({ property: "", reason: `${name}: ${reason}`, code: `${name}.secret` });
  }
  const archives = new Map<string, ArchiveEntry[]>();
  for (const [path, f] of Object.entries((inputs.files ?? {}) as Props)) {
    const at = `files["${path}"]`;
    if (f?.source instanceof Asset) push(failures, `${at}.source`, "files.source", await assetProblem(f.source));
    if (!(f?.archive instanceof Archive) || hasUnknown(f.archive)) continue;
    const read = await readArchive(f.archive);
    if ("problem" in read) push(failures, `${at}.archive`, "files.archive", read.problem);
    else archives.set(path, read.entries);
  }
  for (const [name, source] of Object.entries((inputs.extraKernelModules ?? {}) as Props))
    if (source instanceof Asset)
      push(failures, `extraKernelModules["${name}"]`, "extraKernelModules", await assetProblem(source));
  if (failures.length === 0 && !hasUnknown(inputs)) {
    const known = plain(inputs) as RootfsInputs;
    const recipe = recipeBase(known, config);
    failures.push(...contradictions(known, recipe), ...pathFailures(known, recipe, archives));
  }
  return { inputs, failures };
}

/**
 * The users without their password hashes. A hash is the only secret that an image must hold: whoever has the image can
 * try passwords against it.
 */
function withoutHashes(users: unknown): unknown {
  if (users instanceof Secret || !Array.isArray(users)) return users;
  return users.map((u) =>
    u && typeof u === "object" && !(u instanceof Secret) ? { ...u, passwordHash: undefined } : u,
  );
}

function push(
  failures: CheckFailure[],
  property: string,
  name: string,
  problem: { code: string; reason: string } | undefined,
): void {
  if (problem) failures.push({ property, reason: problem.reason, code: `${name}.${problem.code}` });
}

async function assetProblem({ content }: Asset): Promise<{ code: string; reason: string } | undefined> {
  if (content.uri !== undefined)
    return { code: "remote", reason: "expected a FileAsset or StringAsset: nothing is fetched from addresses here" };
  if (content.path === undefined) return undefined;
  const path = resolvePath(content.path);
  const found = await stat(path).catch(() => undefined);
  // may be an address that was taken for a path
  if (!found) return { code: "missing", reason: `there is no file ${withoutUserinfo(path)}` };
  if (!found.isFile()) return { code: "kind", reason: `${path} is not a plain file (a folder, a device, a pipe)` };
  const readable = await accessible(path, constants.R_OK);
  return readable ? undefined : { code: "unreadable", reason: `${path} cannot be read by this user` };
}
