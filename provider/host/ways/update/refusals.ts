/**
 * Why a server that runs Pine cannot take another commit. The server checks this itself, too; this tells it beforehand.
 * Pure.
 */
import { mountHint } from "../../../filesystems/all.ts";
import { manifestProblem } from "../../../trust/manifest.ts";
import { humanBytes } from "../../../words.ts";
import { ownBoot } from "../../plan/boot.ts";
import type { Check } from "../../plan/check.ts";
import { twinsRunning } from "../../plan/twins.ts";
import { refusal } from "../../refusal.ts";

/** Checks the signature of a commit, unless it runs already. */
export const trustRefusal: Check = ({ pine }, _, { commit, signed }) => {
  if (!pine.trust || !commit || pine.deployment?.startsWith(`${commit}.`)) return undefined;
  const problem = manifestProblem(pine.trust, commit, signed);
  return problem && refusal(`trust-${problem.code}`, problem.message, problem.hint);
};

/**
 * Room that the agent needs besides kernel and initramfs: for folders and OSTree's entry (boot_room of
 * system/rootfs/usr/libexec/pine/agent).
 */
const BESIDE = 64 * 1024;

/** If the commit's initramfs cannot mount the root, a trial would roll back. */
const rootRefusal: Check = ({ pine, root }, _, { commit, filesystems }) =>
  filesystems !== undefined &&
  !pine.deployment?.startsWith(`${commit}.`) &&
  root.type !== "unknown" &&
  !filesystems.includes(root.type) &&
  refusal(
    "root-filesystem",
    `the server's root is ${root.type}, which the initramfs of the commit does not mount`,
    mountHint(root.type),
  );

/**
 * Checks the room on a /boot partition. OSTree keeps the kernels of all deployments there until the new one is whole,
 * each kernel once.
 */
const kernelRoomRefusal: Check = (f, _, { kernel, kernels = {} }) => {
  const mount = f.mounts.find((m) => m.target === "/boot") ?? f.mounts.find((m) => m.target === "/sysroot/boot");
  if (!ownBoot(f) || kernel === undefined || mount?.freeKiB === undefined) return undefined;
  const there = f.pine.deployments.map((name) => kernels[/([0-9a-f]{64})\.\d+$/.exec(name)?.[1] ?? ""]);
  // a deployment that the store does not know may have the same kernel
  if (there.length === 0 || there.some((id) => id === undefined || id === kernel.id)) return undefined;
  const [free, bytes] = [mount.freeKiB * 1024, kernel.bytes + BESIDE];
  return (
    free < bytes &&
    refusal(
      "boot-space",
      `/boot has ${humanBytes(free)} free, and the commit's kernel and initramfs take ${humanBytes(bytes)} besides those that are there`,
      "run `pine undeploy` on the server, which removes the slot that does not run",
    )
  );
};

export const UPDATE: Check[] = [rootRefusal, kernelRoomRefusal, twinsRunning];
