/**
 * The plan that preview showed, kept in the cache for the same run of the engine: `up` carries it out, or stops and
 * says what changed since.
 */
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../../errors.ts";
import type { Plan } from "../../../host/plan/types.ts";
import { writeWhole } from "../../../local/files.ts";
import { sha256 } from "../../../local/hash.ts";
import { FORGOTTEN_MS, myself, startTime } from "../../../local/holder.ts";
import type { Call } from "../../../resource.ts";
import { humanBytes } from "../../../words.ts";

/** Names the set in which a pid is unique: this boot and this PID namespace. */
const processes = () => {
  const { boot, namespace } = myself();
  return sha256(`${boot} ${namespace}`).slice(0, 12);
};

/** The engine that started this plugin: `pulumi up` previews and updates in one process, with two plugins. */
const engine = () => `${processes()}-${process.ppid}-${startTime(process.ppid)}`;

const folderOf = (call: Call) => join(call.config.cache, "shown");
/** Named after the engine too: stacks on two backends or in two folders may have the same names. */
const fileOf = (call: Call) => join(folderOf(call), `${engine()}-${sha256(call.urn).slice(0, 32)}.json`);

/** Removes the files of ended engines. Engines elsewhere that share this cache cannot be seen: theirs go by age. */
async function sweep(call: Call): Promise<void> {
  for (const name of await readdir(folderOf(call))) {
    const path = join(folderOf(call), name);
    const [where, pid, start] = name.split("-");
    const ended =
      where === processes()
        ? startTime(Number(pid)) !== start
        : Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now()) > FORGOTTEN_MS;
    if (ended) await rm(path, { force: true });
  }
}

/** What must still be the same in `up`, in words. Not sizes: they are "about" before an image is built. */
export function comparablePlan(plan: Plan): Record<string, string> {
  const target = plan.overwrite;
  const disk = target
    ? `${target.disk.device}, ${humanBytes(target.disk.bytes)}, ${target.disk.head.slice(0, 12)}`
    : `${plan.disk.rootDevice}, ${plan.disk.rootUuid}`;
  return {
    method: plan.method,
    disk,
    erases: plan.erases.join("; ") || "nothing",
    "kept data": target?.data.flatMap((d) => (d.keep ? [d.label] : [])).join(", ") || "none",
    network: plan.network.summary,
    hostname: plan.hostname,
    restores: plan.restore ?? "nothing",
  };
}

/** The differences, one line each. */
export function changedSince(shown: Record<string, string>, now: Record<string, string>): string[] {
  return Object.keys(now)
    .filter((key) => key in shown && shown[key] !== now[key])
    .map((key) => `${key}: the preview showed ${shown[key]}; now it is ${now[key]}`);
}

/** Called by preview. `open`: parts that may still change. A plan that cannot be stored is shown all the same. */
export async function recordShownPlan(call: Call, plan: Plan, open: readonly string[] = []): Promise<void> {
  try {
    await mkdir(folderOf(call), { recursive: true });
    await sweep(call);
    const settled = Object.entries(comparablePlan(plan)).filter(([name]) => !open.includes(name));
    await writeWhole(fileOf(call), JSON.stringify(Object.fromEntries(settled)));
  } catch {
    // `up` then has nothing to compare with
  }
}

const AGAIN = "nothing was changed; run `pulumi up` again to see the plan for what is there now";

/** The stored plan; undefined when its file is cut off or was changed. */
export function readShown(text: string): Record<string, string> | undefined {
  try {
    const shown = JSON.parse(text);
    return typeof shown === "object" && shown !== null ? shown : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Called with the server's lock held, before anything is changed. Dies when this run's preview showed something else.
 */
export async function assertPlanUnchanged(call: Call, plan: Plan): Promise<void> {
  const text = await readFile(fileOf(call), "utf8").catch(() => undefined);
  if (text === undefined) return;
  const shown = readShown(text) ?? die(`what the preview showed cannot be read: ${fileOf(call)} is damaged`, AGAIN);
  const changes = changedSince(shown, comparablePlan(plan));
  if (changes.length > 0)
    die(`the server has changed since the preview:\n${changes.map((c) => `- ${c}`).join("\n")}`, AGAIN);
}
