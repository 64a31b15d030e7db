/**
 * Where a server differs from its inputs: hostname, root's keys, its own files. Refresh shows it, the next `up` repairs
 * it.
 */
import type { Facts } from "../../../host/facts/types/facts.ts";
import { compareFile, type Difference, type Expected, readText, sameFiles } from "../../../host/files/compare.ts";
import { isNetworkFile, systemIdentity } from "../../../host/files/identity.ts";
import type { Plan } from "../../../host/plan/types.ts";
import { bareKey } from "../../../host/ssh/public-key.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { Asset, equalValues, hasSecret, type Props, plain, Secret } from "../../../properties/values.ts";
import type { Call } from "../../../resource.ts";
import { type FileInput, type HijackInputs, hijackInputs, networkInput } from "../model/inputs.ts";
import type { HijackState } from "../model/state.ts";

/** Whether the server's network files equal those that the plan would write. */
function sameNetwork(ssh: Ssh, plan: Plan): Promise<boolean> {
  const files = systemIdentity({ hostname: plan.hostname, network: plan.network });
  return sameFiles(ssh, files.filter(isNetworkFile));
}

/**
 * What needs a new deployment of the running commit, in words; undefined: nothing. Compares with the server itself, not
 * with the last inputs.
 */
export async function redeploys(
  { ssh, facts }: { ssh: Ssh; facts: Facts },
  plan: Plan,
  inputs: HijackInputs,
  before?: HijackInputs,
): Promise<string | undefined> {
  if (inputs.hostname !== undefined && facts.hostname !== inputs.hostname) return "name";
  if (networkInput(inputs.network) !== "keep" && !(await sameNetwork(ssh, plan))) return "network";
  return before && !equalValues(before.kernelArguments, inputs.kernelArguments) ? "kernel arguments" : undefined;
}

/** The inputs as the server has them, and root's keys for the state. Warns about each change. */
export async function driftOf(
  ssh: Ssh,
  facts: Facts,
  o: { inputs: Props; state: HijackState },
  call: Call,
): Promise<{ inputs: Props; rootKeys: string[] }> {
  const inputs = { ...o.inputs };
  const known = hijackInputs(o.inputs);
  if (known.hostname !== undefined && facts.hostname !== known.hostname) {
    call.warn(`the hostname is ${facts.hostname} there, not ${known.hostname}`);
    inputs.hostname = facts.hostname;
  }
  const rootKeys = facts.authorizedKeys.root.map(bareKey);
  const keys = keyDrift(known.authorizedKeys, o.state.rootKeys, facts.authorizedKeys.root);
  if (keys.missing.length + keys.foreign.length > 0) {
    inputs.authorizedKeys = keys.inputs;
    for (const key of keys.missing) call.warn(`a key of authorizedKeys is gone from root's keys: ${shown(key)}`);
    for (const key of keys.foreign) call.warn(`root has a key that Pine did not put there: ${shown(key)}`);
  }
  if (keys.lost.length > 0)
    call.warn(
      `${keys.lost.length} of root's keys that were kept from the old system are gone: ${keys.lost.map(shown)}`,
    );
  const files = await fileDrift(ssh, o.inputs.files, call);
  if (files) inputs.files = files;
  return { inputs, rootKeys };
}

const shown = (key: string) => `${key.split(" ").slice(0, 2).join(" ").slice(0, 24)}…${bareKey(key).slice(-12)}`;

/**
 * Compares root's keys with those given and those of the last operation (undefined: not known). `inputs` is
 * authorizedKeys as the server has it: without missing keys, which an update then writes, and with foreign keys, which
 * it removes. Pure.
 */
export function keyDrift(
  given: string[],
  last: string[] | undefined,
  there: string[],
): { inputs: string[]; missing: string[]; foreign: string[]; lost: string[] } {
  const has = (list: string[], key: string) => list.some((line) => bareKey(line) === bareKey(key));
  const missing = given.filter((key) => !has(there, key));
  const foreign = last ? there.filter((key) => !has(last, key) && !has(given, key)) : [];
  const lost = (last ?? []).filter((key) => !has(there, key) && !has(given, key));
  return { inputs: [...given.filter((key) => !missing.includes(key)), ...foreign], missing, foreign, lost };
}

/** `files` as the server has them; undefined: as they should be. A secret is never read back: it counts as absent. */
async function fileDrift(ssh: Ssh, files: unknown, call: Call): Promise<Props | Secret | undefined> {
  const given = (files instanceof Secret ? files.value : (files ?? {})) as Props;
  const there: Props = { ...given };
  let changed = false;
  for (const [path, file] of Object.entries(given)) {
    const expected = expectedOf(path, plain(file) as FileInput);
    const difference = expected && (await compareFile(ssh, expected));
    if (!difference) continue;
    changed = true;
    call.warn(`${path} ${saysOf(difference)}`);
    const secret = files instanceof Secret || file instanceof Secret || hasSecret(file);
    const text = difference.gone || !difference.content || secret ? undefined : await readText(ssh, path);
    const now = asThere(file instanceof Secret ? file.value : file, difference, text);
    if (now === undefined) delete there[path];
    else there[path] = file instanceof Secret ? new Secret(now) : now;
  }
  if (!changed) return undefined;
  return files instanceof Secret ? new Secret(there) : there;
}

/** What the server should have for a file of the inputs; undefined when unknown (a file of another machine). */
export function expectedOf(path: string, file: FileInput): Expected | undefined {
  const base = { path, mode: file.mode ?? "0644", owner: file.owner ?? "root:root" };
  if (file.content !== undefined) return { ...base, content: file.content };
  if (!(file.source instanceof Asset)) return undefined;
  const { text } = file.source.content;
  if (text !== undefined) return { ...base, content: text };
  // the file may have changed meanwhile: the digest is that of what was sent
  return file.source.hash ? { ...base, sha256: file.source.hash } : undefined;
}

function saysOf(d: Difference): string {
  if (d.gone) return "is gone there";
  const what = [
    ...(d.content ? ["has other content there"] : []),
    ...(d.mode ? [`has mode ${d.mode} there`] : []),
    ...(d.owner ? [`belongs to ${d.owner} there`] : []),
  ];
  return what.join(", ");
}

/** A file's inputs as the server has it; undefined: it counts as absent. Pure. */
export function asThere(file: Props, d: Difference, text: string | undefined): Props | undefined {
  if (d.gone || (d.content && text === undefined)) return undefined;
  const { source, ...rest } = file;
  return {
    ...(text === undefined ? file : { ...rest, content: text }),
    ...(d.mode ? { mode: d.mode } : {}),
    ...(d.owner ? { owner: d.owner } : {}),
  };
}
