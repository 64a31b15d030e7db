/** `pulumi-resource-pine summary FOLDER`: prints what a published folder offers. */
import { readFile } from "node:fs/promises";
import { die } from "../errors.ts";
import { CHECKSUM } from "../image/ostree/check.ts";
import { manifestPath, publishedCommit, publishProblem } from "../publish/folder.ts";
import type { Files } from "../publish/plan.ts";
import { publishedFiles } from "../publish/remote.ts";
import { verifies } from "../trust/signify.ts";
import { humanBytes } from "../words.ts";

/**
 * Finds a delta by its path in the repository: OSTree's base64 of the two checksums. undefined: the path is no delta's.
 */
export function deltaOf(path: string): { from?: string; to: string } | undefined {
  const [, head, tail] = /^deltas\/([^/]{2})\/([^/]+)\/[^/]+$/.exec(path) ?? [];
  if (!head) return undefined;
  const sums = `${head}${tail}`.split("-").map((s) => Buffer.from(s.replaceAll("_", "/"), "base64").toString("hex"));
  const [first, second] = sums;
  if (sums.length > 2 || !sums.every((s) => CHECKSUM.test(s))) return undefined;
  return second ? { from: first, to: second } : { to: first! };
}

/** Who signed a manifest, and its version; `commit`: the one that the branch names. Pure. */
export function signedBy(file: string, commit: string): { version?: string; signed: string } {
  const [head = "", signatures = ""] = file.split("\n\n");
  const values = (key: string) => [...head.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value!);
  const [version] = values("version");
  if (file === "") return { signed: "not signed" };
  if (values("checksum")[0] !== commit) return { signed: "NOT signed: the manifest is another commit's" };
  const all = signatures.split("\n").filter(Boolean);
  const keys = values("key").filter((key) => all.some((s) => verifies(`${head}\n`, s, key)));
  return { version, signed: keys.length > 0 ? `signed by ${keys.join(", ")}` : "NOT signed: no signature matches" };
}

const bytesOf = (files: Files, which: (path: string) => boolean) =>
  [...files].reduce((sum, [path, size]) => sum + (which(path) ? size : 0), 0);

/** What a folder offers, as lines for people. Fails if nothing was published to it. */
export async function publishedSummary(dir: string): Promise<string[]> {
  const problem = await publishProblem(dir);
  const files = problem ? new Map<string, number>() : await publishedFiles(dir);
  if (problem || !files.has("summary"))
    die(`${dir} ${problem ?? "has nothing published"}`, "give the folder that an OstreeCommit publishes to");
  const refs = [...files.keys()].flatMap((path) => /^refs\/heads\/(.+)$/.exec(path)?.[1] ?? []).sort();
  const deltas = new Map<string, { from?: string; to: string; bytes: number }>();
  for (const [path, size] of files) {
    const delta = deltaOf(path);
    if (!delta) continue;
    const name = `${delta.from ?? ""}-${delta.to}`;
    deltas.set(name, { ...delta, bytes: (deltas.get(name)?.bytes ?? 0) + size });
  }
  const lines: string[] = [];
  const named = new Set<string>();
  for (const ref of refs) {
    const commit = await publishedCommit(dir, ref);
    if (!commit) continue;
    named.add(commit);
    const { version, signed } = signedBy(await readFile(manifestPath(dir, ref), "utf8").catch(() => ""), commit);
    lines.push(ref, `  commit ${commit}${version ? `, version ${version}` : ""}`, `  ${signed}`);
    for (const { from, to, bytes } of deltas.values())
      if (to === commit) lines.push(`  delta from ${from ?? "nothing"}: ${humanBytes(bytes)}`);
  }
  const commits = [...files.keys()].flatMap((path) => {
    const [, head, tail] = /^objects\/(..)\/(.*)\.commit$/.exec(path) ?? [];
    return head && !named.has(head + tail) ? [head + tail] : [];
  });
  if (commits.length > 0) lines.push("earlier commits that are still there", ...commits.sort().map((c) => `  ${c}`));
  const objects = bytesOf(files, (path) => path.startsWith("objects/"));
  const all = bytesOf(files, () => true);
  lines.push(`${humanBytes(all)} in all, ${humanBytes(objects)} of them objects`);
  return lines;
}

export async function summaryCommand(args: string[]): Promise<void> {
  const [dir, ...more] = args;
  if (!dir || more.length > 0 || dir.startsWith("-"))
    die("usage: pulumi-resource-pine summary FOLDER", "FOLDER is one that an OstreeCommit publishes to");
  for (const line of await publishedSummary(dir)) process.stdout.write(`${line}\n`);
}
