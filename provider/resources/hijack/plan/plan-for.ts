/** The plan for a server that was looked at. */
import { die, PineError } from "../../../errors.ts";
import type { ImageFacts, Plan } from "../../../host/plan/types.ts";
import { isReinstall } from "../../../host/server/record.ts";
import { loginPublicKeys } from "../../../host/ssh/keys.ts";
import { needsCurl } from "../../../host/turn/lock.ts";
import { httpsNeeds } from "../../../host/updates/settings.ts";
import { planInstall } from "../../../host/ways/plan.ts";
import { lockLines } from "../../../host/ways/words.ts";
import { needQemu } from "../../../local/qemu.ts";
import type { Call } from "../../../resource.ts";
import type { Look } from "../look/look.ts";
import { networkInput } from "../model/inputs.ts";
import { lockOf } from "../model/lock.ts";
import type { Wish } from "../model/wish.ts";
import type { CommitArtifacts } from "./artifacts.ts";
import { planUpdate } from "./update.ts";
import { withUpdates } from "./updates.ts";

/** The plan, or one error with every refusal. `artifacts`: the wanted commit's; absent while it is not known. */
export async function planFor(
  seen: Look,
  wish: Wish,
  image: ImageFacts,
  artifacts: CommitArtifacts | undefined,
  call: Call,
): Promise<Plan> {
  const beginning = await planInstallation(seen, wish, image, call);
  const { status } = seen;
  const plan = await (beginning.way === "update" && status
    ? planUpdate({ ...seen, status, image }, beginning, wish, artifacts, call)
    : withLock(beginning, wish));
  refuseWithoutCurl(wish, image, call);
  refuseShortDeadman(wish, image);
  if (plan.steps.some((step) => step.do === "rehearse"))
    await needQemu("rehearse: a commit is rehearsed in QEMU", "leave rehearse out");
  return withUpdates(plan, seen.facts, wish, artifacts);
}

/** An installation takes no turn, and ends with what later ones are taken by. */
function withLock(plan: Plan, { inputs }: Wish): Plan {
  const { rebootLock } = inputs;
  if (!rebootLock || plan.steps.length === 0) return plan;
  const step = { do: "reboot-lock", group: rebootLock.group, leaves: false } as const;
  return { ...plan, steps: [...plan.steps, step], lines: [...plan.lines, ...lockLines(step)] };
}

/** What asks a store or an update server may be missing in the commit: said before anything is deployed. */
function refuseWithoutCurl({ inputs }: Wish, image: ImageFacts, call: Call): void {
  const lock = lockOf(inputs, call);
  const why = lock && image.curl === false && needsCurl(lock);
  const lacks = inputs.updates && httpsNeeds(inputs.updates, image);
  if (lacks) die(`updates: ${lacks}, and the commit has none`, 'add "curl" to `packages` of its Rootfs, or use http');
  if (why)
    die(
      `rebootLock needs the program curl on the server (${why}), and the commit has none`,
      'add "curl" to `packages` of its Rootfs',
    );
}

/**
 * A server that pulls judges its trials itself: checks that outlast the dead-man make a good system look like one that
 * hangs (openshift/enhancements#1306).
 */
export function refuseShortDeadman({ inputs }: Pick<Wish, "inputs">, { judgeSeconds = 0 }: ImageFacts): void {
  if (inputs.updates && judgeSeconds >= inputs.deadman)
    die(
      `trialTimeout: is ${inputs.deadman} s, and this commit, where the server judges it itself (updates), may need ${judgeSeconds} s to boot and for its health checks, twice with their timeouts`,
      `give more than ${judgeSeconds}, or lower timeouts in healthChecks of the Rootfs`,
    );
}

/** The same without the steps of an update, which need another look at the server. */
export async function planInstallation(seen: Look, wish: Wish, image: ImageFacts, call: Call): Promise<Plan> {
  const { inputs, state } = wish;
  const result = planInstall(
    seen.facts,
    {
      method: inputs.method,
      network: networkInput(inputs.network),
      ignoreChecks: inputs.ignoreChecks,
      hostname: inputs.hostname,
      authorizedKeys: inputs.authorizedKeys,
      rootWay: seen.ssh.rootWay,
      notRoot: seen.ssh.notRoot,
      user: seen.ssh.user,
      host: inputs.connection.host,
      port: inputs.connection.port,
      hostKeySeen: seen.ssh.hostKeySeen,
      loginKeys: await loginPublicKeys(inputs.connection, call),
      stack: call.stack,
      installationId: state?.installationId,
      onDestroy: inputs.onDestroy,
      finalize: inputs.finalize,
      deadman: inputs.deadman,
      erase: inputs.erase,
      kernelArguments: inputs.kernelArguments,
      rehearse: inputs.rehearse,
      disk: inputs.disk,
      dataPartitions: inputs.dataPartitions,
      // rule 7: a create that may erase writes the disk anew, even over its own stack's Pine
      reinstall: !state && isReinstall(seen.facts.pine.install, true),
      urn: call.urn,
    },
    image,
  );
  if (result.plan) return result.plan;
  const lines = result.refusals.map((r) => `${r.message}; ${r.hint}`);
  throw new PineError(
    lines.length === 1 ? lines[0]! : `this server cannot be taken over:\n${lines.map((l) => `- ${l}`).join("\n")}`,
  );
}
