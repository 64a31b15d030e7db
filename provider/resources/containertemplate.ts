/** ContainerTemplate: a commit as managers of containers take it, in the store under a name that its content gives it. */
import { randomBytes } from "node:crypto";
import { die } from "../errors.ts";
import { CHECKSUM, type CommitManifest, readCommit } from "../image/ostree.ts";
import { Store } from "../image/store.ts";
import {
  containerTemplate as buildTemplate,
  readTemplate,
  refuseMachine,
  TEMPLATE_FORMATS,
  type Template,
} from "../image/template.ts";
import { readRootfs } from "../image/tree.ts";
import type { Call, Diff, Resource } from "../resource.ts";
import { humanBytes } from "../task.ts";
import { equalValues, hasUnknown, type Props, plain, Unknown } from "../values.ts";
import { type Checked, checkProps, text } from "./check.ts";
import { diffInputs } from "./diff.ts";
import { largestImage } from "./estimates.ts";
import { storeIfThere, toolboxOf } from "./store.ts";

const shape = {
  commit: text({
    required: true,
    pattern: CHECKSUM,
    expected: "the checksum of an OstreeCommit of a container (64 hex digits)",
  }),
  format: text({ enum: TEMPLATE_FORMATS, default: "tar.zst" }),
};
type Inputs = Checked<typeof shape>;

export const containerTemplate: Resource = {
  async check(_call, { news }) {
    return checkProps(news, shape);
  },

  async diff(call, { olds, oldInputs, news }): Promise<Diff> {
    const detailed = diffInputs(oldInputs, news);
    const there = await find(call, plain(oldInputs) as Inputs);
    // another file than the state tells of (another toolbox, made by another stack) is told, too
    return { detailed, changes: there === undefined || there.sha256 !== plain(olds).sha256 };
  },

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await preview(call, inputs) };
    const id = `template-${randomBytes(8).toString("hex")}`;
    return { id, state: await make(call, id, inputs) };
  },

  async update(call, { id, oldInputs, news }) {
    if (!call.preview) return { state: await make(call, id, news) };
    const state = await preview(call, news);
    if (equalValues(oldInputs, news) && hasUnknown(state.sha256))
      call.info(`the template is not in the store ${call.config.store}, or another provider made it: it is made again`);
    return { state };
  },

  async read(call, { id, state, inputs }) {
    if (!state.sha256)
      die("a ContainerTemplate cannot be imported", "create it: the same commit gives the same template");
    const found = await find(call, plain(inputs) as Inputs);
    return { id, inputs, state: found && found.sha256 === state.sha256 ? stateOf(found) : state };
  },

  async delete(call, { id }) {
    await (await storeIfThere(call))?.dropRoot(id);
  },
};

async function find(call: Call, inputs: Inputs): Promise<Template | undefined> {
  const store = await storeIfThere(call);
  return store && readTemplate(store, inputs.commit, inputs.format);
}

const stateOf = ({ path, sha256, size, unpackedSize, commit }: Template): Props => ({
  ...{ path, sha256, size, unpackedSize, commit },
});

/** Bytes that the template is about: as many as its packages, packed. Undefined: nothing is known of them yet. */
async function estimate(store: Store | undefined, manifest: CommitManifest | undefined): Promise<number | undefined> {
  const rootfs = store && manifest && (await readRootfs(store, manifest.rootfs));
  return rootfs ? rootfs.lock.reduce((sum, p) => sum + p.size, 0) : largestImage()?.compressed;
}

async function preview(call: Call, inputs: Props): Promise<Props> {
  const store = await storeIfThere(call);
  const known = hasUnknown(inputs.commit) ? undefined : (plain(inputs.commit) as string);
  const manifest = known && store ? await readCommit(store, known) : undefined;
  if (known) refuseMachine(manifest, known);
  const found = hasUnknown(inputs) ? undefined : await find(call, plain(inputs) as Inputs);
  if (found) return stateOf(found);
  const bytes = await estimate(store, manifest);
  const size = bytes ? `, about ${humanBytes(bytes)}` : "";
  call.info(`makes a ${hasUnknown(inputs.format) ? "template" : inputs.format}${size}`);
  const later = ["path", "sha256", "size", "unpackedSize"].map((key) => [key, Unknown.value]);
  return { ...Object.fromEntries(later), commit: inputs.commit };
}

async function make(call: Call, id: string, props: Props): Promise<Props> {
  const inputs = plain(props) as Inputs;
  const store = await Store.open(call.config.store);
  const manifest = await readCommit(store, inputs.commit);
  if (!manifest)
    die(
      `commit ${inputs.commit.slice(0, 12)} is not in the store ${store.dir}`,
      "pass `checksum` of an OstreeCommit of the same program, which is then made first, or set pine:store to the store that has it",
    );
  refuseMachine(manifest, inputs.commit);
  const template = await buildTemplate(store, await toolboxOf(call), inputs.commit, call, inputs.format);
  await store.addRoot(id, [`image/${template.name}.${template.fileFormat}`]);
  return stateOf(template);
}
