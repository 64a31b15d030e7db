/** What an installation will do, from facts and inputs alone. Pure: preview shows it, `up` does it. */
import { humanBytes } from "../../words.ts";
import { runsPine } from "../facts/pine.ts";
import type { Facts } from "../facts/types/facts.ts";
import { carriedHostname } from "../files/identity.ts";
import { planContainerNetwork } from "../network/container.ts";
import { planNetwork } from "../network/plan.ts";
import { bootNotes, ownBoot, planBoot, swapPartitions } from "../plan/boot.ts";
import { planLogin } from "../plan/login.ts";
import type { Existing, ImageFacts, Plan, PlanInputs, PlanResult } from "../plan/types.ts";
import { keepsOf } from "../plan/words.ts";
import type { Refusal } from "../refusal.ts";
import { finalizedOf } from "../server/record.ts";
import { installNotes, linesOf, summaryOf } from "./alongside/words.ts";
import { containerLines, containerSummary } from "./container/words.ts";
import { driverNotes } from "./drivers.ts";
import { planRam } from "./overwrite/begun.ts";
import { firmwareNotes } from "./overwrite/firmware.ts";
import { overwriteBytes, planDiskOf } from "./overwrite/plan.ts";
import { overwriteLines, overwriteSummary } from "./overwrite/words.ts";
import { refusalsOf, type Way } from "./refusals.ts";

/** Seconds a system on trial has to be confirmed. */
const DEADMAN_SECONDS = 300;
/** Kernel arguments of GRUB's slot files hold nothing else (boot/options.ts). */
const CONSOLE = /^[A-Za-z0-9,]+$/;

/**
 * The plan, or every reason against it. On a server that runs Pine already it plans only what an update needs, unless it is to be installed
 * anew. Method auto: alongside; where that cannot be and the disk may be erased, overwrite.
 */
export function planInstall(facts: Facts, inputs: PlanInputs, image: ImageFacts): PlanResult {
  if (facts.pine.ram) return planRam(facts, inputs, image);
  const running = facts.pine.deployment !== undefined && runsPine(facts);
  const anew = inputs.reinstall === true && inputs.erase === true && inputs.method === "overwrite";
  if (running && !anew) return planWay(facts, inputs, image, "update");
  if (inputs.method === "container" || (facts.container !== undefined && (inputs.method ?? "auto") === "auto"))
    return planWay(facts, inputs, image, "container");
  if (inputs.method === "overwrite") return planWay(facts, inputs, image, "overwrite");
  const beside = planWay(facts, inputs, image, "alongside");
  if (beside.plan || inputs.method === "alongside" || inputs.erase !== true) return beside;
  const over = planWay(facts, inputs, image, "overwrite");
  if (over.plan) return over;
  const codes = new Set(beside.refusals.map((r) => r.code));
  return { refusals: [...beside.refusals, ...over.refusals.filter((r) => !codes.has(r.code))] };
}

function planWay(facts: Facts, inputs: PlanInputs, image: ImageFacts, way: Way): PlanResult {
  const running = way === "update";
  const named = carriedHostname(facts.hostname);
  const hostname = inputs.hostname ?? named.hostname;
  const refusals: Refusal[] = refusalsOf(facts, inputs, image, way);
  // without root's rights most facts could not be read: what else is wrong is not known
  const rights = refusals.find((r) => r.code === "not-root");
  if (rights) return { refusals: [rights] };
  const inContainer = facts.container !== undefined;
  const network = (inContainer ? planContainerNetwork : planNetwork)(facts.network, inputs.network ?? "keep", hostname);
  refusals.push(...network.refusals);
  const login = planLogin(facts, inputs, image.ssh, way === "overwrite");
  refusals.push(...login.refusals);
  if (refusals.length > 0 || !("files" in network)) return { refusals };

  const overwritten = way === "overwrite" || (running && facts.pine.install?.method === "overwrite");
  const hostKeys = facts.hostKeys.filter((k) => !k.startsWith("ssh-dss "));
  const title = titleOf(facts);
  const finalize = inputs.finalize === true && !overwritten;
  const none = running && facts.pine.install === undefined;
  const gone = overwritten || finalize || none || finalizedOf(facts.pine.install) !== "no";
  const restore = inputs.onDestroy === "retain" || gone ? undefined : restoreOf(facts, running);
  const overwrite = way === "overwrite" ? planDiskOf(facts, inputs, image) : undefined;
  const planned = way === "alongside" ? planBoot(facts) : undefined;
  const boot = planned && "place" in planned ? planned.place : {};
  const base: Omit<Plan, "summary" | "lines"> = {
    method: overwritten ? "overwrite" : inContainer ? "container" : "alongside",
    existing: existingOf(facts, inputs, running),
    disk: {
      device: facts.root.disk ?? facts.root.device,
      partition: facts.root.partition,
      ptuuid: facts.root.tableId,
      partuuid: facts.root.partuuid,
      rootUuid: facts.root.uuid ?? "",
      bootUuid: ownBoot(facts),
      rootDevice: facts.root.device,
      rootType: facts.root.type,
    },
    boot,
    swap: way === "alongside" ? swapPartitions(facts) : [],
    overwrite,
    grubFolder: facts.grub?.folder ?? "/boot/grub",
    network: network.files,
    hostname,
    authorizedKeys: login.authorizedKeys,
    hostKeys,
    hostKeyFiles: login.hostKeyFiles,
    sshPorts: login.sshPorts,
    consoles: facts.consoles.filter((c) => CONSOLE.test(c)),
    sendBytes: way === "overwrite" ? overwriteBytes(image) : image.sysrootBytes,
    sendRange: way === "overwrite" ? undefined : image.sysrootRange,
    about: image.about,
    boots: way === "overwrite" ? 2 : 1,
    keeps: keepsOf(
      { network: network.files, hostKeys, authorizedKeys: login.authorizedKeys },
      inputs.hostname ? undefined : hostname,
    ),
    erases: overwrite ? [overwrite.erases] : finalize && !running ? [erasedBy(facts, title)] : [],
    restore,
    deadman: inputs.deadman ?? DEADMAN_SECONDS,
    watchdog: facts.watchdog,
  };
  const carried = [
    ...(named.note && inputs.hostname === undefined ? [named.note] : []),
    ...facts.consoles
      .filter((c) => !CONSOLE.test(c))
      .map((c) => `console=${c} is not carried over: give it as one of kernelArguments`),
  ];
  if (overwrite) {
    const boots = [
      ...firmwareNotes(facts, inputs),
      ...bootNotes(facts, true),
      ...driverNotes("over", facts, inputs, image),
    ];
    const lines = overwriteLines(base, title, [...carried, ...boots, ...network.notes, ...login.notes]);
    return { plan: { ...base, summary: overwriteSummary(base, title), lines }, refusals: [] };
  }
  const notes = [
    ...carried,
    ...network.notes,
    ...login.notes,
    ...driverNotes("beside", facts, inputs, image),
    ...installNotes(facts, running, base),
  ];
  if (way === "container") {
    const [summary, lines] = [containerSummary(base, facts, title), containerLines(base, facts, title, notes)];
    return { plan: { ...base, summary, lines }, refusals: [] };
  }
  return {
    plan: { ...base, summary: summaryOf(base, facts, title), lines: linesOf(base, facts, title, notes) },
    refusals: [],
  };
}

/** What finalize takes. */
// what is used is all of its host's file system, in a container
const erasedBy = ({ root, container }: Facts, title: string) =>
  container
    ? `${title}, once the new system is confirmed`
    : `${title} on ${root.device} (${humanBytes(Math.max(0, root.sizeKiB - root.freeKiB) * 1024)} used), once the new system is confirmed`;

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

/** "Debian 12 (bookworm)"; on Pine what its installation wrote down. */
function restoreOf(facts: Facts, running: boolean): string | undefined {
  if (running) return facts.pine.install?.old;
  return facts.os.codename && titleOf(facts) !== facts.os.name
    ? `${titleOf(facts)} (${facts.os.codename})`
    : facts.os.name;
}
