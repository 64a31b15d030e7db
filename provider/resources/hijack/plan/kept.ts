/** Keeps in the store what a server needs. */
import type { Facts } from "../../../host/facts/types/facts.ts";
import { CHECKSUM } from "../../../image/ostree/check.ts";
import { readCommit } from "../../../image/ostree/commits.ts";
import type { Store } from "../../../image/store/store.ts";
import type { HijackState } from "../model/state.ts";

/** Kernel ids of a server's deployments: checksum -> id, undefined where the store does not know it. */
export async function kernelsOn(store: Store, { pine }: Facts): Promise<Record<string, string | undefined>> {
  const kernels: Record<string, string | undefined> = {};
  for (const name of pine.deployments) {
    const [, checksum = ""] = /([0-9a-f]{64})\.\d+$/.exec(name) ?? [];
    kernels[checksum] = (await readCommit(store, checksum))?.kernel?.id;
  }
  return kernels;
}

/** Keeps the commits that the server runs, falls back to and will run, so that deltas between them can be made. */
export async function keepForHost(
  store: Store | undefined,
  { installationId, booted, fallback }: HijackState,
  commit?: string,
) {
  const wanted = [booted?.checksum, fallback, commit].filter((c) => c !== undefined && CHECKSUM.test(c));
  await store?.addRoot(
    hostRoot(installationId),
    [...new Set(wanted)].map((c) => `commit/${c}`),
  );
}

export const hostRoot = (installationId: string) => `host-${installationId}`;
