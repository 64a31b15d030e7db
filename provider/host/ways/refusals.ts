/** Why a server cannot be taken: every reason at once, each with what to do. Pure. */
import { argumentsTooLong } from "../../boot/arguments.ts";
import type { Facts } from "../facts/types/facts.ts";
import type { Check } from "../plan/check.ts";
import { OLD_SYSTEM } from "../plan/old-system.ts";
import type { ImageFacts, PlanInputs } from "../plan/types.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { type Chosen, WAYS } from "./all.ts";
import { targetRefusal } from "./container/refusals.ts";
import { driverRefusal } from "./drivers.ts";
import { trustRefusal } from "./update/refusals.ts";

/**
 * Host keys that a new system can keep: those with readable files. Facts of an earlier provider version name no files.
 */
const keepable = (f: Facts): string[] =>
  f.hostKeyFiles.length > 0
    ? f.hostKeyFiles.map((file) => file.key)
    : f.hostKeys.map((k) => k.split(" ").slice(0, 2).join(" "));
/** A 32-bit kernel may run on a 64-bit processor: many small servers were installed this way. */
const archHint = (arch: string) =>
  /^i\d86$/.test(arch)
    ? "boot a 64-bit kernel on it (Debian: dpkg --add-architecture amd64, then the package linux-image-amd64:amd64), or take a 64-bit server"
    : "use a server of the image's architecture";

/** Refusals for any server, also for one that runs Pine. */
const ALWAYS: Check[] = [
  (_, i) =>
    i.rootWay === "none" &&
    refusal(
      "not-root",
      i.notRoot?.message ?? `user ${i.user} may not become root`,
      i.notRoot?.hint ?? "log in as root, or let the user use sudo",
    ),
  (f, _, image) =>
    image.arch !== f.arch &&
    refusal("arch", `the server is ${f.arch}, the image is for ${image.arch}`, archHint(f.arch)),
  targetRefusal,
  trustRefusal,
  (f, i) => {
    const problem = argumentsTooLong([...f.consoles.map((c) => `console=${c}`), ...(i.kernelArguments ?? [])]);
    return problem !== undefined && refusal("kernel-arguments", problem, "leave some of kernelArguments out");
  },
  (f, i) =>
    f.container !== undefined &&
    (i.kernelArguments ?? []).length > 0 &&
    refusal(
      "kernel-arguments",
      `kernelArguments are given, and the server is a container (${f.container}), which runs its host's kernel`,
      "leave them out",
    ),
  (f, i) => {
    const owner = f.pine.install;
    const own = owner && (owner.stack === i.stack || (i.installationId !== undefined && owner.id === i.installationId));
    return (
      owner !== undefined &&
      !own &&
      refusal(
        "pine-other-stack",
        `the server belongs to another stack: ${owner.stack ?? "unknown"} (${owner.urn ?? "no urn"})`,
        "destroy it there first; if that stack is gone, take the server over by pulumi import (docs/life.md)",
      )
    );
  },
  (f, i) =>
    i.hostKeySeen !== undefined &&
    !keepable(f).includes(i.hostKeySeen) &&
    i.rootWay !== "none" &&
    refusal(
      "host-key",
      "the SSH host key that the server showed is not in its key files, so the new system could not show it",
      "make sshd use plain key files (HostKey), without an agent or a certificate",
    ),
];

/** Refusals for any installation. */
const MACHINE: Check[] = [
  (f, i) =>
    f.container !== undefined &&
    refusal(
      "container",
      `the server is a container (${f.container}): it has no kernel of its own, so nothing can be installed by method "${i.method}"`,
      ["lxc", "openvz"].includes(f.container)
        ? 'leave method out, or use "container"'
        : "use a container of LXC or OpenVZ, or a virtual machine",
    ),
  (f) =>
    f.xen === "PV" &&
    refusal("xen-pv", "the server is a Xen PV guest: its host chooses its kernel", "switch it to HVM at the provider"),
  (f) =>
    f.secureBoot === true &&
    refusal(
      "secure-boot",
      "Secure Boot is on, and Alpine's kernel is not signed",
      "switch Secure Boot off in the firmware or at the provider",
    ),
  ...OLD_SYSTEM,
];

/** Every reason not to go on. `way`: what is to be done; it adds refusals to those for every server. */
export function refusalsOf(facts: Facts, inputs: PlanInputs, image: ImageFacts, way: Chosen): Refusal[] {
  const { machine, refusals, drives } = WAYS[way];
  const all = [...ALWAYS, ...(machine ? MACHINE : []), ...refusals, ...(drives ? [driverRefusal(drives)] : [])];
  return all.map((c) => c(facts, inputs, image)).filter((r): r is Refusal => Boolean(r));
}
