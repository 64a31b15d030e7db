/** What a preview knows of a commit that is not made yet. */
import { committed, readCommit } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import { type RootfsRecord, readRootfs } from "../../image/tree/record.ts";
import { collect } from "../../image/upkeep/gc.ts";
import { hasUnknown, type Props, plain, Unknown, type Value } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { publicKeyOf } from "../../trust/signify.ts";
import { humanBytes } from "../../words.ts";
import { storeIfThere, toolboxOf } from "../store.ts";
import { defaultRef } from "./import.ts";
import { checkPublish } from "./publish.ts";
import { signersOf } from "./shape.ts";
import { type Before, isSame, lastOf, nextVersion, parentOf, versionFor } from "./version.ts";

/** The public key; unknown while the signing key is. */
function publicKey(inputs: Props): Value {
  if (hasUnknown(inputs.signingKey)) return Unknown.value;
  const [key] = signersOf(plain({ signingKey: inputs.signingKey })).keys;
  return key && publicKeyOf(key);
}

/** Servers that pull cannot be given a new key once the only one is lost (ublue-os/bluefin#1484). */
export function oneKeyOnly(inputs: Props, call: Pick<Call, "info">): void {
  const { publish, signingKey, spareKeys, oldSigningKey } = inputs;
  if (publish !== undefined && signingKey !== undefined && spareKeys === undefined && oldSigningKey === undefined)
    call.info("servers that pull trust one key only: put the public half of another one, kept elsewhere, in spareKeys");
}

export const rootfsOf = ({ arch, target }: RootfsRecord) => ({ arch, target });

/** The state as far as known: all of it when the store has the Rootfs, and the commit exists or needs no making. */
export async function preview(call: Call, inputs: Props, before?: Before): Promise<Props> {
  await checkPublish(inputs.publish, call);
  oneKeyOnly(inputs, call);
  const last = lastOf(inputs, before);
  const version = inputs.version ?? nextVersion(last);
  const store = await storeIfThere(call);
  if (before && isSame(inputs, before)) {
    const { checksum } = before.state;
    if (!store || !(await readCommit(store, checksum)))
      call.info(`commit ${checksum.slice(0, 12)} is not in the store ${call.config.store}: it is made again`);
    return { ...before.state, branch: inputs.branch ?? before.state.branch, publicKey: publicKey(inputs) };
  }
  const state = {
    checksum: Unknown.value,
    parent: before?.state.checksum,
    version,
    branch: inputs.branch ?? before?.state.branch ?? Unknown.value,
    repo: `${call.config.store}/repo`,
    rootfs: inputs.rootfs,
    size: Unknown.value,
    publicKey: publicKey(inputs),
    history: Unknown.value,
  };
  const rootfs = store && !hasUnknown(inputs.rootfs) && (await readRootfs(store, plain(inputs.rootfs)));
  if (!store || !rootfs) return state;
  const ref = inputs.branch ?? defaultRef(rootfs);
  const checksum = hasUnknown(version) ? undefined : await committed(store, rootfs, plain(inputs.version));
  const known = { checksum, ref: hasUnknown(ref) ? defaultRef(rootfs) : String(plain(ref)), ...rootfsOf(rootfs) };
  const built = {
    ...state,
    branch: ref,
    size: rootfs.size,
    version: inputs.version ?? (await versionFor(store, known, last)),
  };
  return checksum ? { ...built, checksum, parent: parentOf(checksum, before) } : built;
}

/** Removes what `retain` drops, and everything else that no resource of any stack keeps. */
export async function tidy(store: Store, call: Call): Promise<void> {
  const { commits, freed } = await collect({ store, toolbox: await toolboxOf(call), task: call });
  if (commits.length > 0)
    call.info(
      `removed ${commits.length} ${commits.length === 1 ? "commit" : "commits"} that nobody keeps from the store: ${humanBytes(freed)} are free again`,
    );
}
