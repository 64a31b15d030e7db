/** What an installation will do, from facts and inputs alone. Pure: the preview shows it and `up` does it. */
import { DEADMAN_SECONDS } from "../../boot/options.ts";
import { humanBytes } from "../../words.ts";
import { runsPine } from "../facts/pine.ts";
import type { Facts } from "../facts/types/facts.ts";
import { carriedHostname } from "../files/identity.ts";
import { planContainerNetwork } from "../network/container.ts";
import type { NetworkFiles } from "../network/model/types.ts";
import { planNetwork } from "../network/plan.ts";
import { ownBoot, planBoot, swapPartitions } from "../plan/boot.ts";
import { type LoginPlan, planLogin } from "../plan/login.ts";
import { planRehearsal } from "../plan/rehearsal.ts";
import { erasedBy, restartsOf, sendingOf } from "../plan/steps.ts";
import type { Told } from "../plan/told.ts";
import type { Existing, ImageFacts, Plan, PlanInputs, PlanResult } from "../plan/types.ts";
import { keepsOf } from "../plan/words.ts";
import type { Refusal } from "../refusal.ts";
import { finalizedOf } from "../server/record.ts";
import { type Chosen, WAYS } from "./all.ts";
import { driverNotes } from "./drivers.ts";
import { planRam } from "./overwrite/begun.ts";
import { planDiskOf } from "./overwrite/plan.ts";
import { refusalsOf } from "./refusals.ts";
import { inWords } from "./words.ts";

/** Other characters cannot stand in kernel arguments of GRUB's slot files (boot/arguments.ts). */
const CONSOLE = /^[A-Za-z0-9,]+$/;

/**
 * The plan, or every reason against it. On a server that runs Pine already it plans only what an update needs, unless a
 * reinstall is wanted. Method auto: alongside; where that is impossible and the disk may be erased, overwrite.
 */
export function planInstall(facts: Facts, inputs: PlanInputs, image: ImageFacts): PlanResult {
  if (facts.pine.ram) return planRam(facts, inputs, image);
  const running = facts.pine.deployment !== undefined && runsPine(facts);
  const anew = inputs.reinstall === true && inputs.erase === true && inputs.method === "overwrite";
  if (running && !anew) return planWay(facts, inputs, image, "update");
  const { method = "auto" } = inputs;
  if (method !== "auto") return planWay(facts, inputs, image, method);
  if (facts.container !== undefined) return planWay(facts, inputs, image, "container");
  const beside = planWay(facts, inputs, image, "alongside");
  if (beside.plan || inputs.erase !== true) return beside;
  const over = planWay(facts, inputs, image, "overwrite");
  if (over.plan) return over;
  const codes = new Set(beside.refusals.map((r) => r.code));
  return { refusals: [...beside.refusals, ...over.refusals.filter((r) => !codes.has(r.code))] };
}

/** Parts that are known once nothing speaks against the plan. */
interface Parts {
  network: NetworkFiles;
  login: LoginPlan;
  hostname: string;
}

function planWay(facts: Facts, inputs: PlanInputs, image: ImageFacts, way: Chosen): PlanResult {
  const refusals: Refusal[] = refusalsOf(facts, inputs, image, way);
  // without root's rights most facts could not be read, so other problems are not known
  const rights = refusals.find((r) => r.code === "not-root");
  if (rights) return { refusals: [rights] };
  const named = carriedHostname(facts.hostname);
  const hostname = inputs.hostname ?? named.hostname;
  const networkOf = facts.container !== undefined ? planContainerNetwork : planNetwork;
  const network = networkOf(facts.network, inputs.network ?? "keep", hostname);
  refusals.push(...network.refusals);
  const login = planLogin(facts, inputs, image.ssh, way === "overwrite");
  refusals.push(...login.refusals);
  const rehearsal = planRehearsal(facts, inputs, image);
  if (rehearsal.refusal) refusals.push(rehearsal.refusal);
  if (refusals.length > 0 || !("files" in network)) return { refusals };

  const { drives, notes: waysNotes } = WAYS[way];
  const plan = partsOf(facts, inputs, image, way, { network: network.files, login, hostname });
  const told = { plan, facts, title: titleOf(facts) };
  const notes = [
    ...(named.note && inputs.hostname === undefined ? [named.note] : []),
    ...facts.consoles
      .filter((c) => !CONSOLE.test(c))
      .map((c) => `console=${c} is not carried over: give it as one of kernelArguments`),
    ...network.notes,
    ...login.notes,
    ...(drives ? driverNotes(drives, facts, inputs, image) : []),
    ...waysNotes(told, inputs),
    ...(rehearsal.note ? [rehearsal.note] : []),
  ];
  return { plan: { ...plan, ...inWords(told, notes) }, refusals: [] };
}

/** The plan without its words. */
function partsOf(
  facts: Facts,
  inputs: PlanInputs,
  image: ImageFacts,
  way: Chosen,
  { network, login, hostname }: Parts,
): Told["plan"] {
  const running = way === "update";
  const { install } = facts.pine;
  const overwritten = way === "overwrite" || (running && install?.method === "overwrite");
  const hostKeys = facts.hostKeys.filter((k) => !k.startsWith("ssh-dss "));
  const finalize = inputs.finalize === true && !overwritten;
  const gone = overwritten || finalize || (running && install === undefined) || finalizedOf(install) !== "no";
  const overwrite = way === "overwrite" ? planDiskOf(facts, inputs, image) : undefined;
  const place = way === "alongside" ? planBoot(facts) : undefined;
  const existing = existingOf(facts, inputs, running);
  const deadman = inputs.deadman ?? DEADMAN_SECONDS;
  const removes = finalize && !running ? removedBy(facts) : undefined;
  const { step } = planRehearsal(facts, inputs, image);
  const own = WAYS[way].steps({ facts, image, existing, deadman, removes });
  // the steps of an update are planned later
  const steps = step && !running ? [step, ...own] : own;
  return {
    method: WAYS[way].method ?? (overwritten ? "overwrite" : facts.container !== undefined ? "container" : "alongside"),
    way,
    steps,
    existing,
    disk: diskOf(facts),
    boot: place && "place" in place ? place.place : {},
    swap: way === "alongside" ? swapPartitions(facts) : [],
    overwrite,
    grubFolder: facts.grub?.folder ?? "/boot/grub",
    network,
    hostname,
    authorizedKeys: login.authorizedKeys,
    hostKeys,
    hostKeyFiles: login.hostKeyFiles,
    sshPorts: login.sshPorts,
    consoles: facts.consoles.filter((c) => CONSOLE.test(c)),
    ...(sendingOf(steps) ?? { about: image.about }),
    boots: restartsOf(steps),
    keeps: keepsOf({ network, hostKeys, authorizedKeys: login.authorizedKeys }, inputs.hostname ? undefined : hostname),
    erases: overwrite ? [overwrite.erases] : erasedBy(steps),
    restore: inputs.onDestroy === "retain" || gone ? undefined : restoreOf(facts, running),
    deadman,
    watchdog: facts.watchdog,
  };
}

const diskOf = ({ root, ...facts }: Facts): Plan["disk"] => ({
  device: root.disk ?? root.device,
  partition: root.partition,
  ptuuid: root.tableId,
  partuuid: root.partuuid,
  rootUuid: root.uuid ?? "",
  bootUuid: ownBoot({ root, ...facts }),
  rootDevice: root.device,
  rootType: root.type,
});

/** What finalize removes, in words. */
function removedBy(facts: Facts): string {
  const { root, container } = facts;
  // in a container the used space is that of its host's whole file system
  const used = Math.max(0, root.sizeKiB - root.freeKiB) * 1024;
  const where = container ? "" : ` on ${root.device} (${humanBytes(used)} used)`;
  return `${titleOf(facts)}${where}, once the new system is confirmed`;
}

function existingOf(facts: Facts, inputs: PlanInputs, running: boolean): Existing {
  if (running) return facts.pine.install?.id === inputs.installationId ? "ours" : "adopt";
  return facts.pine.install ? "half" : "none";
}

/** "Debian 12". */
function titleOf(facts: Facts): string {
  const { id, versionId, name } = facts.os;
  const names: Record<string, string> = { debian: "Debian", ubuntu: "Ubuntu" };
  return names[id] && versionId ? `${names[id]} ${versionId}` : name;
}

/** "Debian 12 (bookworm)"; on Pine, what its installation recorded. */
function restoreOf(facts: Facts, running: boolean): string | undefined {
  if (running) return facts.pine.install?.old;
  return facts.os.codename && titleOf(facts) !== facts.os.name
    ? `${titleOf(facts)} (${facts.os.codename})`
    : facts.os.name;
}
