/** `publish` of an OstreeCommit: its inputs, and the publishing. */
import { isAbsolute } from "node:path";
import { die } from "../../errors.ts";
import { isDamage } from "../../image/ostree/check.ts";
import { readCommit } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import { flag, integer, object, text } from "../../properties/check.ts";
import type { Checked } from "../../properties/rule.ts";
import { hasUnknown, plain, type Value } from "../../properties/values.ts";
import { publish, publishedCommit, publishProblem } from "../../publish/folder.ts";
import { lookAtRemote, publishRemote, type Remote } from "../../publish/remote.ts";
import { S3Remote } from "../../publish/s3/place.ts";
import { withSshRemote } from "../../publish/ssh/place.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Call } from "../../resource.ts";
import type { Task } from "../../task.ts";
import { connectionShape } from "../connection-shape.ts";
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
};

const shape = {
  path: text({
    expected: 'an absolute path of a folder, such as "/srv/www/pine"',
    verify: (path) =>
      isAbsolute(path) && !/[\0\n]/.test(path)
        ? undefined
        : `expected an absolute path, got ${JSON.stringify(withoutUserinfo(path))}`,
  }),
  ssh: object(connectionShape),
  s3: object(s3Shape),
  deltas: integer({ min: 0, max: 20 }),
  fromEmpty: flag(),
};
const PLACES = "expected path (a folder of this machine), ssh and path (a folder of a server), or s3 (a bucket)";
export const publishShape = () =>
  object(shape, {
    verify: ({ path, ssh, s3 }) => {
      if (s3) return path || ssh ? `${PLACES}; got s3 and ${path ? "path" : "ssh"}` : undefined;
      return path ? undefined : `path is missing; ${PLACES}`;
    },
  });
export type PublishInputs = Checked<typeof shape>;

/** Calls `fn` with the remote place, and closes it afterwards; undefined: the folder is on this machine. */
async function withRemote<T>(o: PublishInputs, task: Task, fn: (remote?: Remote) => Promise<T>): Promise<T> {
  if (o.s3) return fn(new S3Remote(o.s3, task));
  if (o.ssh) return withSshRemote(o.ssh, o.path!, task, fn);
  return fn();
}

/** Dies when the place cannot be published to. Preview calls it, before anything is built. */
export async function checkPublish(value: Value, task: Task): Promise<void> {
  if (value === undefined || hasUnknown(value)) return;
  const o = plain(value) as PublishInputs;
  await withRemote(o, task, async (remote) => {
    if (remote) return lookAtRemote(remote);
    const problem = await publishProblem(o.path!);
    if (problem) die(`publish.path: ${o.path} ${problem}`);
  });
}

/** Earlier commits that always stay published: a host may be pulling one. */
const EARLIER = 2;

/** Publishes the newest commit of a history. */
export async function publishHistory(
  store: Store,
  ref: string,
  history: Made[],
  o: PublishInputs | undefined,
  call: Call,
): Promise<void> {
  if (!o) return;
  const [newest, ...rest] = history.map((h) => h.checksum);
  const deltas = o.deltas ?? 1;
  const earlier = rest.slice(0, Math.max(deltas, EARLIER));
  const signed = (await readCommit(store, newest!))?.signed;
  const p = { ref, checksum: newest!, earlier, deltas, fromEmpty: o.fromEmpty ?? false, signed };
  const workshop = { store, toolbox: await toolboxOf(call), task: call };
  await withRemote(o, call, (remote) =>
    remote
      ? publishRemote(workshop, call.config.cache, remote, p)
      : publish(workshop, { ...p, path: o.path! }).catch((e) =>
          isDamage(e) ? damagedFolder(o.path!, e) : Promise.reject(e),
        ),
  );
}

function damagedFolder(path: string, cause: unknown): never {
  const what = `publish.path: what is published in ${path} is damaged: a file's content does not match its name`;
  return die(what, "empty it, and run `pulumi up` again", cause);
}

/** Whether the place offers the commit; true when there is no place. */
export async function isPublished(
  o: PublishInputs | undefined,
  ref: string,
  checksum: string,
  task: Task,
): Promise<boolean> {
  if (!o) return true;
  const look = (remote?: Remote) => (remote ? remote.look(ref).then((l) => l.commit) : publishedCommit(o.path!, ref));
  return (await withRemote(o, task, look)) === checksum;
}
