/** The plan of an overwrite that was cut off; the RAM system keeps the plan that it began with. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Facts } from "../../facts/types/facts.ts";
import { carriedHostname } from "../../files/identity.ts";
import type { NetworkPlan } from "../../network/model/types.ts";
import { planNetwork } from "../../network/plan.ts";
import { hostsFile } from "../../network/render/texts.ts";
import { loginInRam } from "../../plan/login.ts";
import type { ImageFacts, Plan, PlanInputs, PlanResult } from "../../plan/types.ts";
import { keepsOf } from "../../plan/words.ts";
import type { Refusal } from "../../refusal.ts";
import { stepsInRam } from "./plan.ts";
import { imageProblem } from "./refusals.ts";

/**
 * Plans the rest of an overwrite. Name, network, keys and ports count as the inputs give them now, since an earlier run
 * may have failed by them. The disk stays the plan's.
 */
export function planRam(facts: Facts, inputs: PlanInputs, image: ImageFacts): PlanResult {
  const ram = facts.pine.ram!;
  const begun = begunPlan(ram.plan);
  const problem = notGoingOn(facts, inputs, image, begun);
  if (problem || !begun) return { refusals: [problem ?? UNREADABLE] };
  const target = begun.overwrite!;
  const hostname = inputs.hostname ?? carriedHostname(begun.hostname).hostname;
  const network = networkInRam(facts, inputs, begun, hostname);
  const login = loginInRam(begun, target.asked?.authorizedKeys ?? [], facts, inputs, image.ssh);
  const refusals: Refusal[] = [...network.refusals, ...login.refusals];
  if (refusals.length > 0 || !("files" in network)) return { refusals };
  const { authorizedKeys, sshPorts } = login;
  const own = {
    hostname,
    authorizedKeys,
    sshPorts,
    deadman: inputs.deadman ?? begun.deadman,
    network: { ...network.files, hosts: hostsFile(hostname) },
  };
  const keeps = keepsOf({ ...begun, ...own }, inputs.hostname ? undefined : hostname);
  const done =
    ram.image && ram.blocks ? `${ram.verified} of ${ram.blocks} blocks are written` : "nothing is written yet";
  const summary = `continues the overwrite of ${ram.install.old ?? "the old system"} on ${target.disk.device}: ${ram.finished ? "all is written" : done}; 1 reboot; keeps ${keeps.slice(0, 3).join(", ")}`;
  const lines = begun.lines.map((line) => (line.startsWith("keeps: ") ? `keeps: ${keeps.join(", ")}` : line));
  const notes = [...network.notes, ...login.notes].map((n) => `note: ${n}`);
  const told = { summary, lines: [summary, ...lines, ...notes.filter((n) => !lines.includes(n))] };
  const going = { way: "begun", steps: stepsInRam(facts.watchdog), boots: 1, existing: "half" } as const;
  return { plan: { ...begun, ...own, ...told, ...going, keeps }, refusals: [] };
}

const UNREADABLE: Refusal = {
  code: "ram",
  message: "the RAM system's plan cannot be read",
  hint: "reinstall the server at its provider",
};

function begunPlan(text: string): Plan | undefined {
  try {
    return JSON.parse(text) as Plan;
  } catch {
    return undefined;
  }
}

/** Why the overwrite cannot go on. */
function notGoingOn(facts: Facts, inputs: PlanInputs, image: ImageFacts, begun: Plan | undefined): Refusal | undefined {
  const { install } = facts.pine.ram!;
  if (install.stack !== inputs.stack)
    return {
      code: "pine-other-stack",
      message: `another stack is overwriting this server: ${install.stack ?? "unknown"} (${install.urn ?? "no urn"})`,
      hint: "run `pulumi up` there",
    };
  if (inputs.method !== "overwrite" && !(inputs.method !== "alongside" && inputs.erase))
    return {
      code: "ram",
      message: "an overwrite of this server was cut off: its RAM system runs, and the old system may be gone",
      hint: 'set method: "overwrite" and `overwrite` again, and run `pulumi up`',
    };
  const unfit = begun && imageProblem(image);
  if (!begun || unfit) return unfit;
  const { disk, data } = begun.overwrite!;
  const reach = image.disk?.bytes ?? image.diskAtLeast ?? 0;
  const least = Math.min(disk.bytes, ...data.map((d) => d.start));
  if (reach <= least) return undefined;
  return {
    code: "image-size",
    message: `the image has ${humanBytes(reach)}, and the overwrite that was cut off left ${humanBytes(least)} for it`,
    hint: "use the image from before, or a smaller one",
  };
}

/**
 * The network of the plan, unless the inputs ask for another one now. Only that plan knows the old system's network.
 */
function networkInRam(facts: Facts, inputs: PlanInputs, begun: Plan, hostname: string): NetworkPlan {
  const [then, now] = [begun.overwrite!.asked?.network, inputs.network ?? "keep"];
  const same = then === undefined || JSON.stringify(then) === JSON.stringify(now);
  if (same) return { files: begun.network, refusals: [], notes: [] };
  if (now === "keep")
    return {
      files: begun.network,
      refusals: [],
      notes: [
        `network: what this overwrite began with is kept (${begun.network.summary}), because the old system is gone`,
      ],
    };
  const given = planNetwork(facts.network, now, hostname);
  if (!("files" in given)) return given;
  const note =
    "network: it was changed after this overwrite began; the new system gets the change, the RAM system does not";
  return { ...given, notes: [note, ...given.notes] };
}
