/**
 * What DiskImage and ContainerTemplate share: each is a file made from a commit, kept in the store under a name derived
 * from its content.
 */
import { randomBytes } from "node:crypto";
import { die } from "../../errors.ts";
import { type CommitManifest, readCommit } from "../../image/ostree/commits.ts";
import type { Workshop } from "../../image/ostree/workshop.ts";
import { type ArtifactFacts, intact } from "../../image/store/artifact.ts";
import { Store } from "../../image/store/store.ts";
import { equalValues, hasUnknown, type Props, plain } from "../../properties/values.ts";
import type { Call, Diff, Resource } from "../../resource.ts";
import { storeIfThere, toolboxOf } from "../store.ts";

interface MadeFile extends ArtifactFacts {
  /** Name in the store, without the format. */
  name: string;
  path: string;
  fileFormat: string;
}

export interface CommitFile<Inputs extends { commit: string }, File extends MadeFile> {
  /** Pulumi's name of the resource. */
  type: string;
  /** The file's name for people; begins the resource's id. */
  noun: string;
  check: Resource["check"];
  diffInputs(olds: Props, news: Props): Diff["detailed"];
  /** The file when the store has it, made by this provider. */
  find(store: Store, inputs: Inputs): Promise<File | undefined>;
  /** Dies when no such file can be made from the commit. */
  refuse(commit: CommitManifest, checksum: string): void;
  preview(call: Call, inputs: Props): Promise<Props>;
  build(workshop: Workshop, inputs: Inputs): Promise<File>;
  stateOf(file: File): Props;
}

/** The file of these inputs, when the store has it. */
export async function findFile<Inputs extends { commit: string }, File extends MadeFile>(
  call: Call,
  { find }: Pick<CommitFile<Inputs, File>, "find">,
  inputs: Props,
): Promise<File | undefined> {
  const store = await storeIfThere(call);
  return store && find(store, plain(inputs) as Inputs);
}

export function commitFile<Inputs extends { commit: string }, File extends MadeFile>(
  of: CommitFile<Inputs, File>,
): Resource {
  return {
    check: of.check,

    async diff(call, { olds, oldInputs, news }): Promise<Diff> {
      const there = await findFile(call, of, oldInputs);
      // a file that differs from the state's (another toolbox, provider or stack made it) is a change too
      const changes = there === undefined || there.sha256 !== plain(olds).sha256;
      return { detailed: of.diffInputs(oldInputs, news), changes };
    },

    async create(call, { inputs }) {
      if (call.preview) return { id: "", state: await of.preview(call, inputs) };
      const id = `${of.noun}-${randomBytes(8).toString("hex")}`;
      return { id, state: await make(call, of, id, inputs) };
    },

    async update(call, { id, oldInputs, news }) {
      if (!call.preview) return { state: await make(call, of, id, news) };
      const state = await of.preview(call, news);
      if (equalValues(oldInputs, news) && hasUnknown(state.sha256))
        call.info(
          `the ${of.noun} is not in the store ${call.config.store}, or another provider made it: it is made again`,
        );
      return { state };
    },

    async read(call, { id, state, inputs }) {
      if (!state.sha256) die(`a ${of.type} cannot be imported`, `create it: the same commit gives the same ${of.noun}`);
      const found = await findFile(call, of, inputs);
      return { id, inputs, state: found && found.sha256 === state.sha256 ? of.stateOf(found) : state };
    },

    async delete(call, { id }) {
      await (await storeIfThere(call))?.dropRoot(id);
    },
  };
}

async function make<Inputs extends { commit: string }, File extends MadeFile>(
  call: Call,
  of: CommitFile<Inputs, File>,
  id: string,
  props: Props,
): Promise<Props> {
  const inputs = plain(props) as Inputs;
  const store = await Store.open(call.config.store);
  const manifest = await readCommit(store, inputs.commit);
  if (!manifest)
    die(
      `commit ${inputs.commit.slice(0, 12)} is not in the store ${store.dir}`,
      "pass `checksum` of an OstreeCommit of the same program, which is then made first, or set pine:store to the store that has it",
    );
  of.refuse(manifest, inputs.commit);
  const file = await of.build({ store, toolbox: await toolboxOf(call), task: call }, inputs);
  await intact(file.path, file, of.noun, call.signal);
  await store.addRoot(id, [`image/${file.name}.${file.fileFormat}`]);
  return of.stateOf(file);
}
