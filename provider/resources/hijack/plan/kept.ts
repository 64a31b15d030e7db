/** What of the store a server needs, so that it is kept. */
import type { Facts } from "../../../host/facts/types/facts.ts";
import { CHECKSUM } from "../../../image/ostree/check.ts";
import { readCommit } from "../../../image/ostree/commits.ts";
import type { Store } from "../../../image/store/store.ts";
import type { HijackState } from "../model/state.ts";

/** Of the deployments that a server has: checksum -> id of the kernel, for those that the store knows. */
export async function kernelsOn(store: Store, { pine }: Facts): Promise<Record<string, string | undefined>> {
  const kernels: Record<string, string | undefined> = {};
  for (const name of pine.deployments) {
    const [, checksum = ""] = /([0-9a-f]{64})\.\d+$/.exec(name) ?? [];
    kernels[checksum] = (await readCommit(store, checksum))?.kernel?.id;
  }
  return kernels;
}

/** What the server runs, would fall back to and is to run stays in the store, so that its deltas can be made. */
export async function keepForHost(
  store: Store | undefined,
  { installationId, booted, previous }: HijackState,
  commit?: string,
) {
  const wanted = [booted?.checksum, previous, commit].filter((c) => c !== undefined && CHECKSUM.test(c));
  await store?.addRoot(
    hostRoot(installationId),
    [...new Set(wanted)].map((c) => `commit/${c}`),
  );
}

export const hostRoot = (installationId: string) => `host-${installationId}`;
