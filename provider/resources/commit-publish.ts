/** `publish` of an OstreeCommit: its inputs, and what is done about them. */
import { isAbsolute } from "node:path";
import { die } from "../errors.ts";
import { readCommit } from "../image/ostree.ts";
import { publish, publishedCommit, publishProblem } from "../image/publish.ts";
import type { Store } from "../image/store.ts";
import type { Call } from "../resource.ts";
import { hasUnknown, plain, type Value } from "../values.ts";
import { type Checked, flag, integer, object, text } from "./check.ts";
import type { Made } from "./commit-history.ts";
import { toolboxOf } from "./store.ts";

const shape = {
  path: text({
    required: true,
    expected: 'an absolute path of a folder, such as "/srv/www/pine"',
    verify: (path) => (isAbsolute(path) ? undefined : `expected an absolute path, got ${JSON.stringify(path)}`),
  }),
  deltas: integer({ min: 0, max: 20 }),
  fromEmpty: flag(),
};
export const publishShape = () => object(shape);
export type PublishInputs = Checked<typeof shape>;

/** Dies where the folder cannot be published to: in preview, before anything is built. */
export async function checkPublish(value: Value): Promise<void> {
  if (value === undefined || hasUnknown(value)) return;
  const { path } = plain(value) as PublishInputs;
  const problem = await publishProblem(path);
  if (problem) die(`publish.path: ${path} ${problem}`);
}

/** Earlier commits that stay published without a word: a host may be in the middle of pulling one. */
const EARLIER = 2;

/** Puts the newest commit of a history into its folder. */
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
  const earlier: string[] = [];
  for (const checksum of rest.slice(0, Math.max(deltas, EARLIER)))
    if (await readCommit(store, checksum)) earlier.push(checksum);
  const signed = (await readCommit(store, newest!))?.signed;
  const { path, fromEmpty = false } = o;
  await publish(
    store,
    await toolboxOf(call),
    { path, ref, checksum: newest!, earlier, deltas, fromEmpty, signed },
    call,
  );
}

/** Whether the folder offers the commit; without a folder there is nothing to miss. */
export async function isPublished(o: PublishInputs | undefined, ref: string, checksum: string): Promise<boolean> {
  return o === undefined || (await publishedCommit(o.path, ref)) === checksum;
}
