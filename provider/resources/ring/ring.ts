/**
 * Ring: a branch for servers that pull. Its manifest names a commit only once every server of the rings before runs it
 * confirmed: publishing is not deploying.
 */
import { randomBytes } from "node:crypto";
import { die } from "../../errors.ts";
import { type CommitManifest, readCommit } from "../../image/ostree/commits.ts";
import { Store } from "../../image/store/store.ts";
import { diffInputs } from "../../properties/diff.ts";
import { checkProps } from "../../properties/rule.ts";
import { equalValues, hasUnknown, type Props, plain, Unknown } from "../../properties/values.ts";
import { type Call, type Diff, InitError, type Resource } from "../../resource.ts";
import { publicKeyOf } from "../../trust/signify.ts";
import { short } from "../../words.ts";
import type { Made } from "../commit/history.ts";
import { oneKeyOnly } from "../commit/preview.ts";
import { checkPublish, isPublished, publishStated } from "../commit/publish.ts";
import { signersOf } from "../commit/shape.ts";
import { storeIfThere } from "../store.ts";
import { askAll, waitForAll } from "./ask.ts";
import { type Inputs, namesFailures, shape } from "./shape.ts";
import { nextOf, ringStatement } from "./sign.ts";

interface State extends Props {
  /** The commit that its manifest names. */
  published?: string;
  version?: string;
  /** Why the wanted one is not it yet. */
  waits?: string;
  history: Made[];
}

/** Whom it waits for is asked each time; a change of that alone is none. */
const NO_CHANGE = ["commit", "after", "waitMinutes"];

export const ring: Resource = {
  async check(_call, { news }) {
    const { inputs, failures } = checkProps(news, shape);
    return { inputs, failures: failures.length > 0 ? failures : namesFailures(inputs.publish) };
  },

  async diff(call, { olds, oldInputs, news }): Promise<Diff> {
    const { published } = plain(olds) as State;
    const detailed = diffInputs(oldInputs, news, { replace: ["branch"], ignore: NO_CHANGE });
    if (!equalValues(news.commit, published)) detailed.commit = "update";
    if (published === undefined || hasUnknown(news.publish)) return { detailed };
    const { publish, branch: ref } = plain(news) as Inputs;
    return { detailed, changes: !(await isPublished(publish, ref, published, call)) };
  },

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await preview(call, inputs) };
    const id = `ring-${randomBytes(8).toString("hex")}`;
    return { id, state: await sign(call, id, inputs) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const state = plain(olds) as State;
    return {
      state: call.preview ? await preview(call, news, state) : await sign(call, id, news, { state, oldInputs }),
    };
  },

  read: async (_call, { id, state, inputs }) =>
    state.history ? { id, state, inputs } : die(`ring "${id}" cannot be imported`, "create it: nothing is lost"),

  // what is published stays: servers may be pulling it
  async delete(call, { id }) {
    await (await storeIfThere(call))?.dropRoot(id);
  },
};

async function sign(call: Call, id: string, props: Props, before?: { state: State; oldInputs: Props }): Promise<State> {
  const inputs = plain(props) as Inputs;
  const { commit, branch: ref, publish } = inputs;
  const store = await Store.open(call.config.store);
  const wanted = await madeOf(store, inputs, call);
  const gate = await waitForAll(commit, inputs.after ?? {}, inputs.waitMinutes ?? 0, call);
  const had = before?.state.history ?? [];
  const { history, waits, failed } = nextOf(wanted, gate, publish.withdrawn ?? [], had);
  const [now] = history;
  if (now && (await isDue(now, props, { ...before, had }, call))) {
    await store.addRoot(
      id,
      history.map((h) => `commit/${h.checksum}`),
    );
    const signed = { ref, history, statement: ringStatement(publish, history) };
    await publishStated(store, signed, publish, { signers: signersOf(inputs), call });
    call.info(`version ${now.version} (${short(now.checksum)}) is signed for ${ref}`);
  }
  const state = { published: now?.checksum, version: now?.version, waits: waits ?? failed, history };
  if (failed)
    throw new InitError(id, state, [`${failed}; nothing is signed for ${ref}: publish a fix as another commit`], props);
  if (waits) call.warn(`${ref}: ${waits}; run \`pulumi up\` again, which asks anew`);
  return state;
}

/** Whether anything is to be written: a commit, what is said besides, whom it is for, or what the place lost. */
async function isDue(
  now: Made,
  news: Props,
  { had, oldInputs }: { had: Made[]; oldInputs?: Props },
  call: Call,
): Promise<boolean> {
  if (!oldInputs || had[0]?.checksum !== now.checksum) return true;
  if (Object.keys(diffInputs(oldInputs, news, { ignore: NO_CHANGE })).length > 0) return true;
  const { publish, branch: ref } = plain(news) as Inputs;
  return !(await isPublished(publish, ref, now.checksum, call));
}

/** The wanted commit. Dies when the store lacks it, or the servers would not believe what these keys sign. */
async function madeOf(store: Store, inputs: Inputs, call: Call): Promise<Made> {
  const commit = await readCommit(store, inputs.commit);
  if (!commit)
    return die(
      `commit ${short(inputs.commit)} is not in the store ${call.config.store}`,
      "use the checksum output of an OstreeCommit of the same program",
    );
  refuseStrangers(commit, inputs);
  return { checksum: inputs.commit, version: commit.version ?? "", made: new Date().toISOString() };
}

function refuseStrangers({ checksum, signed }: CommitManifest, inputs: Inputs): void {
  const trusted = signed?.text.split("\n").filter((line) => line.startsWith("key=")) ?? [];
  if (signersOf(inputs).keys.some((key) => trusted.includes(`key=${publicKeyOf(key)}`))) return;
  die(
    `signingKey: commit ${short(checksum)} is ${signed ? "signed by other keys" : "not signed"}, and servers that are installed with it would not believe this one`,
    "give the OstreeCommit and the rings the same signingKey",
  );
}

/** What will be signed, or whom it waits for. Writes nothing. */
async function preview(call: Call, props: Props, state?: State): Promise<Props> {
  await checkPublish(props.publish, call);
  const known = { ...state, history: state?.history ?? Unknown.value, waits: undefined };
  const open = { ...known, published: Unknown.value, version: Unknown.value, history: Unknown.value };
  const after = Object.entries((plain(props.after) ?? {}) as NonNullable<Inputs["after"]>);
  // once, and not for each ring
  if (after.length === 0 && !hasUnknown(props.after)) oneKeyOnly(props, call);
  const store = await storeIfThere(call);
  const commit = hasUnknown(props.commit) ? undefined : String(plain(props.commit));
  if (commit === undefined || hasUnknown(props.after) || !store || !(await readCommit(store, commit))) {
    const when = after.length > 0 ? `once ${after.map(([name]) => name).join(", ")} ran it confirmed` : "at once";
    call.info(`the new commit is signed for this ring ${when}`);
    return open;
  }
  const inputs = plain(props) as Inputs;
  const wanted = await madeOf(store, inputs, call);
  const gate = await askAll(commit, inputs.after ?? {}, call);
  const next = nextOf(wanted, gate, inputs.publish.withdrawn ?? [], state?.history ?? []);
  const why = next.waits ?? next.failed;
  // those that do not pull are updated by this `up`
  const maybe = gate.is === "waits" && gate.names.some((name) => inputs.after?.[name]?.pulls === false);
  if (why) call[next.failed ? "warn" : "info"](`${maybe ? "after what this `up` does: " : ""}${why}`);
  else call.info(`version ${wanted.version} (${short(commit)}) is signed for ${(inputs.servers ?? []).join(", ")}`);
  if (why && maybe) return open;
  const [now] = next.history;
  return { published: now?.checksum, version: now?.version, waits: why, history: next.history };
}
