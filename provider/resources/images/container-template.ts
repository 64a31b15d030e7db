/** ContainerTemplate: a commit for container managers, kept in the store under a name derived from its content. */
import { CHECKSUM } from "../../image/ostree/check.ts";
import { type CommitManifest, readCommit } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import {
  containerTemplate as buildTemplate,
  readTemplate,
  refuseMachine,
  TEMPLATE_FORMATS,
  type Template,
} from "../../image/template/template.ts";
import { readRootfs } from "../../image/tree/record.ts";
import { text } from "../../properties/check.ts";
import { diffInputs } from "../../properties/diff.ts";
import { type Checked, checkProps } from "../../properties/rule.ts";
import { hasUnknown, type Props, plain, Unknown } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { humanBytes } from "../../words.ts";
import { largestImage } from "../estimates.ts";
import { storeIfThere } from "../store.ts";
import { type CommitFile, commitFile, findFile } from "./life.ts";

export const shape = {
  commit: text({
    required: true,
    pattern: CHECKSUM,
    expected: "the checksum of an OstreeCommit for a container (64 hex digits)",
  }),
  format: text({ enum: TEMPLATE_FORMATS, default: "tar.zst" }),
};
type Inputs = Checked<typeof shape>;

const template: CommitFile<Inputs, Template> = {
  type: "ContainerTemplate",
  noun: "template",
  check: async (_call, { news }) => checkProps(news, shape),
  diffInputs,
  find: (store, { commit, format }) => readTemplate(store, commit, format),
  refuse: refuseMachine,
  preview,
  build: (workshop, { commit, format }) => buildTemplate(workshop, commit, format),
  stateOf: ({ path, sha256, size, unpackedSize, commit }) => ({ path, sha256, size, unpackedSize, commit }),
};

export const containerTemplate = commitFile(template);

/** Estimated bytes of the template: those of its packages, packed. Undefined: they are not known yet. */
async function estimate(store: Store | undefined, manifest: CommitManifest | undefined): Promise<number | undefined> {
  const rootfs = store && manifest && (await readRootfs(store, manifest.rootfs));
  return rootfs ? rootfs.lock.reduce((sum, p) => sum + p.size, 0) : largestImage()?.compressed;
}

async function preview(call: Call, inputs: Props): Promise<Props> {
  const store = await storeIfThere(call);
  const known = hasUnknown(inputs.commit) ? undefined : (plain(inputs.commit) as string);
  const manifest = known && store ? await readCommit(store, known) : undefined;
  if (known) refuseMachine(manifest, known);
  const found = hasUnknown(inputs) ? undefined : await findFile(call, template, inputs);
  if (found) return template.stateOf(found);
  const bytes = await estimate(store, manifest);
  const size = bytes ? `, about ${humanBytes(bytes)}` : "";
  call.info(`makes a ${hasUnknown(inputs.format) ? "template" : inputs.format}${size}`);
  const later = ["path", "sha256", "size", "unpackedSize"].map((key) => [key, Unknown.value]);
  return { ...Object.fromEntries(later), commit: inputs.commit };
}
