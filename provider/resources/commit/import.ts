/**
 * `pulumi import` of an OstreeCommit: a commit that the store has, made by another stack or by a resource that was
 * forgotten.
 */
import { die } from "../../errors.ts";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { readCommit } from "../../image/ostree/commits.ts";
import { type RootfsRecord, readRootfs } from "../../image/tree/record.ts";
import { sha256 } from "../../local/hash.ts";
import type { Props } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { storeIfThere } from "../store.ts";

/** A machine and a container are never updated from each other's branch. */
export const defaultRef = ({ arch, target }: Pick<RootfsRecord, "arch" | "target">) =>
  target === "container" ? `pine/${arch}/container/stable` : `pine/${arch}/stable`;

/**
 * State and inputs of a commit by its checksum, which the store keeps from then on. Dies when the store has no such
 * commit or not its Rootfs: then nobody could say what it was made from. Keys are not in a store, so the signature
 * stays as it is.
 */
export async function importCommit(call: Call, id: string): Promise<{ id: string; state: Props; inputs: Props }> {
  const checksum = id.trim();
  const create = "create it: the same Rootfs gives the same checksum";
  if (!CHECKSUM.test(checksum))
    die(
      `"${id}" cannot be imported`,
      `${create}; the import id of an OstreeCommit is the checksum of a commit that the store has`,
    );
  const store = await storeIfThere(call);
  const commit = store && (await readCommit(store, checksum));
  if (!store || !commit)
    return die(
      `commit ${checksum.slice(0, 12)} cannot be imported: the store ${call.config.store} does not have it`,
      `set pine:store to the store that has it, or ${create}`,
    );
  const rootfs = await readRootfs(store, commit.rootfs);
  if (!rootfs)
    return die(
      `commit ${checksum.slice(0, 12)} cannot be imported: its Rootfs ${commit.rootfs.slice(0, 12)} is not in the store`,
      create,
    );
  const { ref = defaultRef(rootfs), version = "0.1.0" } = commit;
  const inputs = {
    rootfs: commit.rootfs,
    ...(ref === defaultRef(rootfs) ? {} : { ref }),
    // a version that is part of the commit was given
    ...(rootfs.checksum === checksum ? {} : { version }),
  };
  // the same again when Pulumi reads it a second time
  const own = `commit-${sha256(call.urn).slice(0, 16)}`;
  await store.addRoot(own, [`commit/${checksum}`]);
  const history = [{ checksum, version, made: new Date().toISOString() }];
  const state = { checksum, version, ref, repo: store.repo, rootfs: commit.rootfs, size: commit.size, history };
  return { id: own, state, inputs };
}
