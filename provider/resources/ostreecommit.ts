/** OstreeCommit: a Rootfs of the store as a commit, with a ref and a version. Its checksum is a function of the content. */
import { type KeyObject, randomBytes } from "node:crypto";
import semver from "semver";
import { die } from "../errors.ts";
import { CHECKSUM } from "../image/ostree/check.ts";
import { commitFromRootfs, committed, readCommit } from "../image/ostree/commits.ts";
import { refProblem } from "../image/ostree/write.ts";
import { Store } from "../image/store/store.ts";
import { type RootfsRecord, readRootfs } from "../image/tree/record.ts";
import { collect } from "../image/upkeep/gc.ts";
import { withoutUserinfo } from "../local/credentials.ts";
import { integer, object, text } from "../properties/check.ts";
import { diffInputs } from "../properties/diff.ts";
import { type Checked, checkProps } from "../properties/rule.ts";
import { equalValues, hasUnknown, type Props, plain, Unknown, type Value } from "../properties/values.ts";
import type { Call, Diff, Resource } from "../resource.ts";
import { KEY_EXPECTED, publicKeyOf, readSigningKey } from "../trust/signify.ts";
import { humanBytes } from "../words.ts";
import { type Made, retained, withCommit } from "./commit-history.ts";
import { defaultRef, importCommit } from "./commit-import.ts";
import { checkPublish, isPublished, type PublishInputs, publishHistory, publishShape } from "./commit-publish.ts";
import { type Last, nextVersion, versionFor } from "./commit-version.ts";
import { storeIfThere, toolboxOf } from "./store.ts";

const shape = {
  rootfs: text({ required: true, pattern: CHECKSUM, expected: "the digest of a Rootfs (64 hex digits)" }),
  ref: text({ verify: refProblem, expected: 'a branch, such as "pine/x86_64/stable"' }),
  version: text({
    expected: 'a version, such as "1.4.0"',
    verify: versionProblem,
  }),
  signingKey: signingKey(),
  oldSigningKey: signingKey(),
  publish: publishShape(),
  retain: object(
    {
      commits: integer({ min: 1, max: 10_000, hint: "the newest is among them" }),
      days: integer({ min: 1, max: 36_500 }),
    },
    { verify: (r) => (Object.keys(r).length > 0 ? undefined : "expected commits, days or both") },
  ),
};
type Inputs = Checked<typeof shape>;

function versionProblem(v: string): string | undefined {
  if (semver.valid(v) === v) return undefined;
  const build = semver.parse(v)?.build.join(".");
  return build && !v.startsWith("v")
    ? `"${v}" has build metadata (+${build}), which makes no version newer than another, and servers take none that is not: leave it away`
    : `expected a version (semver), such as "1.4.0", got "${withoutUserinfo(v)}"`;
}

function signingKey() {
  return text({
    secret: true,
    expected: KEY_EXPECTED,
    verify: (value) => {
      const key = readSigningKey(value);
      return typeof key === "string" ? `${key}; expected ${KEY_EXPECTED}` : undefined;
    },
  });
}

/** What signs: the key, and while servers still know only it the one before. */
function keysOf(inputs: Pick<Inputs, "signingKey" | "oldSigningKey">): KeyObject[] {
  const given = [inputs.signingKey, inputs.oldSigningKey].filter((k) => k !== undefined);
  return given.map(readSigningKey).filter((k) => typeof k !== "string");
}

/** The state; a preview answers the same with unknowns. */
interface State extends Props {
  checksum: string;
  /** The commit before this one, of this resource. */
  parent?: string;
  version: string;
  ref: string;
  repo: string;
  rootfs: string;
  /** Bytes. */
  size: number;
  /** Of signingKey, as signify has it. */
  publicKey?: string;
  /** What it made, the newest first. */
  history: Made[];
}

/** What an update begins with. */
interface Before {
  state: State;
  inputs: Props;
}

export const ostreeCommit: Resource = {
  async check(_call, { news }) {
    const { inputs, failures } = checkProps(news, shape);
    if (inputs.oldSigningKey !== undefined && inputs.signingKey === undefined)
      failures.push({
        property: "",
        reason: "oldSigningKey: signs beside signingKey, which is not given; expected both, or signingKey alone",
        code: "oldSigningKey.alone",
      });
    return { inputs, failures };
  },

  async diff(call, { olds, oldInputs, news }): Promise<Diff> {
    const { checksum, ref } = plain(olds) as State;
    const detailed = diffInputs(oldInputs, news, { replace: ["ref"] });
    const store = await storeIfThere(call);
    // to write down what it is already is no change, nor is to leave it to the default again
    const wanted = news.ref ?? (await defaultOf(store, [news.rootfs, olds.rootfs]));
    if (equalValues(wanted, ref)) delete detailed.ref;
    // gone from the store (another machine, a new store): made again
    const there = store !== undefined && (await readCommit(store, checksum)) !== undefined;
    const published =
      hasUnknown(news.publish) || (await isPublished(plain(news.publish) as PublishInputs, ref, checksum, call));
    return { detailed, changes: !there || !published };
  },

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await preview(call, inputs) };
    const id = `commit-${randomBytes(8).toString("hex")}`;
    return { id, state: await make(call, id, inputs) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const before = { state: plain(olds) as State, inputs: oldInputs };
    return { state: call.preview ? await preview(call, news, before) : await make(call, id, news, before) };
  },

  async read(call, { id, state, inputs }) {
    return state.checksum ? { id, state, inputs } : importCommit(call, id);
  },

  async delete(call, { id }) {
    await (await storeIfThere(call))?.dropRoot(id);
  },
};

/** Whether the commit will be the one that the state names. */
function isSame(inputs: Props, before: Before): boolean {
  return (["rootfs", "version"] as const).every((key) => equalValues(inputs[key], before.inputs[key]));
}

const lastOf = (inputs: Props, before?: Before): Last | undefined =>
  before && { version: before.state.version, same: isSame(inputs, before) };

/** The branch of a commit whose program names none, by the first of these Rootfs that the store has. */
async function defaultOf(store: Store | undefined, digests: Value[]): Promise<string | undefined> {
  for (const digest of digests) {
    const known = store && typeof digest === "string" ? await readRootfs(store, digest) : undefined;
    if (known) return defaultRef(known);
  }
  return undefined;
}

function parentOf(checksum: string, before?: Before): string | undefined {
  return before && before.state.checksum !== checksum ? before.state.checksum : before?.state.parent;
}

/** Known beforehand when the key is. */
function publicKey(inputs: Props): Value {
  if (hasUnknown(inputs.signingKey)) return Unknown.value;
  const [key] = keysOf(plain({ signingKey: inputs.signingKey }));
  return key && publicKeyOf(key);
}

const rootfsOf = ({ arch, target }: RootfsRecord) => ({ arch, target });

/** What is known beforehand: all of it when the store has the Rootfs and the commit is made already or needs no making. */
async function preview(call: Call, inputs: Props, before?: Before): Promise<Props> {
  await checkPublish(inputs.publish, call);
  const last = lastOf(inputs, before);
  const version = inputs.version ?? nextVersion(last);
  const store = await storeIfThere(call);
  if (before && isSame(inputs, before)) {
    const { checksum } = before.state;
    if (!store || !(await readCommit(store, checksum)))
      call.info(`commit ${checksum.slice(0, 12)} is not in the store ${call.config.store}: it is made again`);
    return { ...before.state, ref: inputs.ref ?? before.state.ref, publicKey: publicKey(inputs) };
  }
  const state = {
    checksum: Unknown.value,
    parent: before?.state.checksum,
    version,
    ref: inputs.ref ?? before?.state.ref ?? Unknown.value,
    repo: `${call.config.store}/repo`,
    rootfs: inputs.rootfs,
    size: Unknown.value,
    publicKey: publicKey(inputs),
    history: Unknown.value,
  };
  const rootfs = store && !hasUnknown(inputs.rootfs) && (await readRootfs(store, plain(inputs.rootfs)));
  if (!store || !rootfs) return state;
  const ref = inputs.ref ?? defaultRef(rootfs);
  const checksum = hasUnknown(version) ? undefined : await committed(store, rootfs, plain(inputs.version));
  const known = { checksum, ref: hasUnknown(ref) ? defaultRef(rootfs) : String(plain(ref)), ...rootfsOf(rootfs) };
  const built = { ...state, ref, size: rootfs.size, version: inputs.version ?? (await versionFor(store, known, last)) };
  return checksum ? { ...built, checksum, parent: parentOf(checksum, before) } : built;
}

/** What `retain` lets go, and everything else that no resource of any stack keeps. */
async function tidy(store: Store, call: Call): Promise<void> {
  const { commits, freed } = await collect(store, await toolboxOf(call), call);
  if (commits.length > 0)
    call.info(
      `${commits.length} ${commits.length === 1 ? "commit" : "commits"} that nobody keeps went from the store: ${humanBytes(freed)}`,
    );
}

async function make(call: Call, id: string, props: Props, before?: Before): Promise<State> {
  const inputs = plain(props) as Inputs;
  const store = await Store.open(call.config.store);
  const rootfs = await readRootfs(store, inputs.rootfs);
  if (!rootfs)
    return die(
      `rootfs ${inputs.rootfs.slice(0, 12)} is not in the store ${store.dir}`,
      "pass `digest` of a Rootfs of the same program, which is then built first, or set pine:store to the store that has it",
    );
  const ref = inputs.ref ?? defaultRef(rootfs);
  const known = { checksum: rootfs.checksum, ref, ...rootfsOf(rootfs) };
  const version = inputs.version ?? (await versionFor(store, known, lastOf(props, before)));
  call.step("committing");
  const keys = keysOf(inputs);
  const options = { ref, version: inputs.version, shown: version, keys };
  const { checksum } = await commitFromRootfs(store, await toolboxOf(call), rootfs, options, call);
  const made = withCommit(before?.state.history ?? [], { checksum, version, made: new Date().toISOString() });
  const history = retained(made, inputs.retain, Date.now());
  await store.addRoot(
    id,
    history.map((h) => `commit/${h.checksum}`),
  );
  await publishHistory(store, ref, history, inputs.publish, call);
  if (inputs.retain) await tidy(store, call);
  const parent = parentOf(checksum, before);
  const publicKey = keys[0] && publicKeyOf(keys[0]);
  return {
    checksum,
    parent,
    version,
    ref,
    repo: store.repo,
    rootfs: inputs.rootfs,
    size: rootfs.size,
    publicKey,
    history,
  };
}
