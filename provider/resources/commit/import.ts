/** `pulumi import` of an OstreeCommit: a commit in the store that another stack or a lost resource made. */
import { die } from "../../errors.ts";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { readCommit } from "../../image/ostree/commits.ts";
import { type RootfsRecord, readRootfs } from "../../image/tree/record.ts";
import { sha256 } from "../../local/hash.ts";
import type { Props } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { storeIfThere } from "../store.ts";

/** The default branch. Machines and containers have their own, so that neither is updated from the other's. */
export const defaultRef = ({ arch, target }: Pick<RootfsRecord, "arch" | "target">) =>
  target === "container" ? `pine/${arch}/container/stable` : `pine/${arch}/stable`;

/**
 * State and inputs of a commit, found by its checksum; the store keeps it from then on. Dies when the store lacks the
 * commit or its Rootfs: what it was made from is then unknown. A store holds no keys, so the signature stays as it is.
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
    ...(ref === defaultRef(rootfs) ? {} : { branch: ref }),
    // a version in the commit itself was given by its program
    ...(rootfs.checksum === checksum ? {} : { version }),
  };
  // derived, so that it is the same when Pulumi reads it a second time
  const own = `commit-${sha256(call.urn).slice(0, 16)}`;
  await store.addRoot(own, [`commit/${checksum}`]);
  const history = [{ checksum, version, made: new Date().toISOString() }];
  const state = { checksum, version, branch: ref, repo: store.repo, rootfs: commit.rootfs, size: commit.size, history };
  return { id: own, state, inputs };
}
