/** `publish` of an OstreeCommit: its inputs, and the publishing. */
import { isAbsolute } from "node:path";
import semver from "semver";
import { die } from "../../errors.ts";
import { CHECKSUM, isDamage } from "../../image/ostree/check.ts";
import { readCommit, signable } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import { flag, integer, list, object, text } from "../../properties/check.ts";
import type { Checked } from "../../properties/rule.ts";
import { hasUnknown, plain, type Value } from "../../properties/values.ts";
import { publish, publishedCommit, publishedSince, publishProblem } from "../../publish/folder.ts";
import { type Looked, lookAtRemote, publishRemote, type Remote } from "../../publish/remote.ts";
import { S3Remote } from "../../publish/s3/place.ts";
import { withSshRemote } from "../../publish/ssh/place.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Call } from "../../resource.ts";
import type { Task } from "../../task.ts";
import type { Signers } from "../../trust/manifest.ts";
import type { Statement } from "../../trust/publication.ts";
import { connectionRule } from "../connection-shape.ts";
import { toolboxOf } from "../store.ts";
import type { Made } from "./history.ts";

const s3Shape = {
  endpoint: text({
    required: true,
    expected: 'the address of the storage, such as "https://s3.example.com", without the bucket',
    pattern: /^https?:\/\/[^/?#@\s]+\/?$/,
  }),
  bucket: text({
    required: true,
    expected: "the name of a bucket (3 to 63 lower-case letters, digits, dots and hyphens)",
    pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  }),
  prefix: text({
    expected: 'a folder in the bucket, such as "pine/web", without a slash at either end',
    pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
  }),
  region: text({ pattern: /^[A-Za-z0-9-]+$/, expected: 'a region, such as "eu-central-1"' }),
  accessKeyId: text({ required: true, pattern: /^[^\s/,=]+$/, expected: "the id of an access key" }),
  secretAccessKey: text({ required: true, secret: true, pattern: /^\S+$/, expected: "the secret of that key" }),
  sessionToken: text({ secret: true, pattern: /^\S+$/, expected: "the token of a temporary key" }),
};

const COMMIT = "the version or the checksum of a commit that this resource made before";
const commitProblem = (name: string) =>
  CHECKSUM.test(name) || semver.valid(name) === name ? undefined : `expected ${COMMIT}, got ${JSON.stringify(name)}`;

const folder = {
  expected: 'an absolute path of a folder, such as "/srv/www/pine"',
  verify: (path: string) =>
    isAbsolute(path) && !/[\0\n]/.test(path)
      ? undefined
      : `expected an absolute path, got ${JSON.stringify(withoutUserinfo(path))}`,
};
const shape = {
  folder: text(folder),
  ssh: object({ connection: connectionRule, folder: text({ ...folder, required: true }) }),
  s3: object(s3Shape),
  deltas: integer({ min: 0, max: 20 }),
  fromEmpty: flag(),
  withdrawn: list(text({ verify: commitProblem, expected: COMMIT })),
  barriers: list(text({ verify: commitProblem, expected: COMMIT })),
  renewDays: integer({ min: 1, max: 365 }),
};
export const publishShape = () => object(shape, { exactlyOne: ["folder", "ssh", "s3"] });
export type PublishInputs = Checked<typeof shape>;

/** Calls `fn` with the remote place, and closes it afterwards; undefined: the folder is on this machine. */
async function withRemote<T>(o: PublishInputs, task: Task, fn: (remote?: Remote) => Promise<T>): Promise<T> {
  if (o.s3) return fn(new S3Remote(o.s3, task));
  if (o.ssh) return withSshRemote(o.ssh.connection, o.ssh.folder, task, fn);
  return fn();
}

/** Dies when the place cannot be published to. Preview calls it, before anything is built. */
export async function checkPublish(value: Value, task: Task): Promise<void> {
  if (value === undefined || hasUnknown(value)) return;
  const o = plain(value) as PublishInputs;
  await withRemote(o, task, async (remote) => {
    if (remote) return lookAtRemote(remote);
    const problem = await publishProblem(o.folder!);
    if (problem) die(`publish.folder: ${o.folder} ${problem}`);
  });
}

/** Earlier commits that always stay published: a host may be pulling one. */
const EARLIER = 2;

/**
 * What is said of earlier commits beside the newest. Dies when one is named that the history does not have, or the
 * newest is withdrawn: then there would be nothing to go to.
 */
export function statementOf(o: PublishInputs, history: Made[]): Statement {
  const [newest] = history;
  const find = (property: string) => (name: string) => {
    const made = history.find((h) => h.version === name || h.checksum === name);
    if (made) return made;
    return die(
      `publish.${property}: this resource made no commit ${JSON.stringify(name)}`,
      `give ${COMMIT}: ${
        history
          .slice(1, 9)
          .map((h) => h.version)
          .join(", ") || "there is none yet"
      }`,
    );
  };
  const checksums = (o.withdrawn ?? []).map((name) => (CHECKSUM.test(name) ? name : find("withdrawn")(name).checksum));
  if (newest && checksums.includes(newest.checksum))
    die(
      `publish.withdrawn: ${newest.version} is what is being published`,
      "make a commit with a higher version first, for example with the content of an earlier one",
    );
  const barriers = (o.barriers ?? []).map(find("barriers")).map(({ version, checksum }) => ({ version, checksum }));
  return { withdrawn: checksums, barriers: barriers.sort((a, b) => semver.compare(a.version, b.version)) };
}

/** Publishes the newest commit of a history. */
export async function publishHistory(
  store: Store,
  ref: string,
  history: Made[],
  o: PublishInputs | undefined,
  by: { signers: Signers; call: Call },
): Promise<void> {
  if (o) await publishStated(store, { ref, history, statement: statementOf(o, history) }, o, by);
}

/**
 * Earlier commits that stay published, the newest first: those that get a delta or may be under way, and every barrier,
 * however old: a server of long ago has to come by it (coreos/fedora-coreos-tracker#749).
 */
export function keptBeside(history: Made[], { barriers }: Pick<Statement, "barriers">, deltas: number): string[] {
  const [newest, ...rest] = history.map((h) => h.checksum);
  const steps = barriers.map((b) => b.checksum).filter((c) => c !== newest);
  return [...new Set([...rest.slice(0, Math.max(deltas, EARLIER)), ...steps])];
}

/** Publishes the newest commit of a history, and says what is given besides. */
export async function publishStated(
  store: Store,
  { ref, history, statement }: { ref: string; history: Made[]; statement: Statement },
  o: PublishInputs,
  { signers, call }: { signers: Signers; call: Call },
): Promise<void> {
  const newest = history[0]?.checksum;
  const deltas = o.deltas ?? 1;
  const earlier = keptBeside(history, statement, deltas);
  const commit = await readCommit(store, newest!);
  const manifest = commit && { ...signable(commit), ref, version: history[0]!.version };
  const signing = manifest && signers.keys.length > 0 ? { manifest, signers, statement } : undefined;
  const p = { ref, checksum: newest!, earlier, deltas, fromEmpty: o.fromEmpty ?? false, signing };
  const workshop = { store, toolbox: await toolboxOf(call), task: call };
  await withRemote(o, call, (remote) =>
    remote
      ? publishRemote(workshop, call.config.cache, remote, p)
      : publish(workshop, { ...p, path: o.folder! }).catch((e) =>
          isDamage(e) ? damagedFolder(o.folder!, e) : Promise.reject(e),
        ),
  );
}

function damagedFolder(path: string, cause: unknown): never {
  const what = `publish.folder: what is published in ${path} is damaged: a file's content does not match its name`;
  return die(what, "empty it, and run `pulumi up` again", cause);
}

const DAY_SECONDS = 86_400;

/** Whether the place offers the commit, by a manifest that is not due for renewal; true when there is no place. */
export async function isPublished(
  o: PublishInputs | undefined,
  ref: string,
  checksum: string,
  task: Task,
): Promise<boolean> {
  if (!o) return true;
  const look = async (remote?: Remote): Promise<Looked> =>
    remote
      ? remote.look(ref)
      : { commit: await publishedCommit(o.folder!, ref), published: await publishedSince(o.folder!, ref) };
  const { commit, published } = await withRemote(o, task, look);
  const due =
    o.renewDays !== undefined && published !== undefined && Date.now() / 1000 - published > o.renewDays * DAY_SECONDS;
  return commit === checksum && !due;
}
