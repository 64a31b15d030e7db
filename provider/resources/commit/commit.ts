/** OstreeCommit: a Rootfs of the store as a commit, with a ref and a version. Its content decides its checksum. */
import { randomBytes } from "node:crypto";
import { die } from "../../errors.ts";
import { commitFromRootfs, readCommit } from "../../image/ostree/commits.ts";
import { Store } from "../../image/store/store.ts";
import { readRootfs } from "../../image/tree/record.ts";
import { diffInputs } from "../../properties/diff.ts";
import { checkProps } from "../../properties/rule.ts";
import { equalValues, hasUnknown, type Props, plain } from "../../properties/values.ts";
import type { Call, Diff, Resource } from "../../resource.ts";
import { publicKeyOf } from "../../trust/signify.ts";
import { storeIfThere, toolboxOf } from "../store.ts";
import { retained, withCommit } from "./history.ts";
import { defaultRef, importCommit } from "./import.ts";
import { preview, rootfsOf, tidy } from "./preview.ts";
import { isPublished, type PublishInputs, publishHistory } from "./publish.ts";
import { type Inputs, shape, signersOf } from "./shape.ts";
import { type Before, defaultOf, lastOf, parentOf, type State, versionFor } from "./version.ts";

export const ostreeCommit: Resource = {
  async check(_call, { news }) {
    const { inputs, failures } = checkProps(news, shape);
    for (const key of ["oldSigningKey", "spareKeys"] as const)
      if (inputs[key] !== undefined && inputs.signingKey === undefined)
        failures.push({
          property: "",
          reason: `${key}: counts beside signingKey, which is not given; expected both, or signingKey alone`,
          code: `${key}.alone`,
        });
    return { inputs, failures };
  },

  async diff(call, { olds, oldInputs, news }): Promise<Diff> {
    const { checksum, branch } = plain(olds) as State;
    const detailed = diffInputs(oldInputs, news, { replace: ["branch"] });
    const store = await storeIfThere(call);
    // giving the current ref explicitly is no change, and neither is leaving it to the default again
    const wanted = news.branch ?? (await defaultOf(store, [news.rootfs, olds.rootfs]));
    if (equalValues(wanted, branch)) delete detailed.branch;
    // gone from the store (another machine, a new store): made again
    const there = store !== undefined && (await readCommit(store, checksum)) !== undefined;
    const published =
      hasUnknown(news.publish) || (await isPublished(plain(news.publish) as PublishInputs, branch, checksum, call));
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

async function make(call: Call, id: string, props: Props, before?: Before): Promise<State> {
  const inputs = plain(props) as Inputs;
  const store = await Store.open(call.config.store);
  const rootfs = await readRootfs(store, inputs.rootfs);
  if (!rootfs)
    return die(
      `rootfs ${inputs.rootfs.slice(0, 12)} is not in the store ${store.dir}`,
      "pass `digest` of a Rootfs of the same program, which is then built first, or set pine:store to the store that has it",
    );
  const ref = inputs.branch ?? defaultRef(rootfs);
  const known = { checksum: rootfs.checksum, ref, ...rootfsOf(rootfs) };
  const version = inputs.version ?? (await versionFor(store, known, lastOf(props, before)));
  call.step("committing");
  const signers = signersOf(inputs);
  const options = { ref, version: inputs.version, shown: version, signers };
  const workshop = { store, toolbox: await toolboxOf(call), task: call };
  const { checksum } = await commitFromRootfs(workshop, rootfs, options);
  const made = withCommit(before?.state.history ?? [], { checksum, version, made: new Date().toISOString() });
  const history = retained(made, inputs.retain, Date.now());
  await store.addRoot(
    id,
    history.map((h) => `commit/${h.checksum}`),
  );
  await publishHistory(store, ref, history, inputs.publish, { signers, call });
  if (inputs.retain) await tidy(store, call);
  const parent = parentOf(checksum, before);
  const publicKey = signers.keys[0] && publicKeyOf(signers.keys[0]);
  return {
    checksum,
    parent,
    version,
    branch: ref,
    repo: store.repo,
    rootfs: inputs.rootfs,
    size: rootfs.size,
    publicKey,
    history,
  };
}
