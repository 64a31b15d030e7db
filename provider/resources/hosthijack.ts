/** HostHijack: one server that runs a commit. Inputs in hijack-inputs.ts, checks in hijack-check.ts, the work in hijack-work.ts. */
import { randomBytes } from "node:crypto";
import { die, isAbort, messageOf } from "../errors.ts";
import { connectionLost } from "../host/health.ts";
import { restoreOld } from "../host/restore.ts";
import { type Call, InitError, type Resource } from "../resource.ts";
import { hasUnknown, type Props, plain } from "../values.ts";
import { commitArtifacts } from "./hijack-artifacts.ts";
import { checkHijack, diffHijack } from "./hijack-check.ts";
import { type HijackInputs, type HijackState, hijackInputs } from "./hijack-inputs.ts";
import { connectionsOf, look } from "./hijack-look.ts";
import { afterTrial, outputs, previewState } from "./hijack-state.ts";
import { install, type Outcome, settle, update } from "./hijack-work.ts";

export const hostHijack: Resource = {
  check: async (_call, { news }) => checkHijack(news),
  diff: (call, args) => diffHijack(call, args),

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await previewState(call, inputs, undefined) };
    const id = randomBytes(16).toString("hex");
    return { id, state: await bring(call, id, inputs, undefined, true) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const state = plain(olds) as HijackState;
    if (!hasUnknown(news.commit)) refuseKnownFailure(state, hijackInputs(news));
    if (call.preview) return { state: await previewState(call, news, state, oldInputs) };
    const before = hijackInputs(oldInputs);
    const after = hijackInputs(news);
    const reboot = !same(before.hostname, after.hostname) || !same(before.network, after.network);
    return { state: await bring(call, id, news, state, reboot, oldInputs) };
  },

  async read(call, { id, state, inputs }) {
    const known = plain(state) as HijackState;
    if (!known.installationId)
      die("a server cannot be imported yet", "create the resource: it adopts an install of this stack");
    const wanted = hijackInputs(inputs);
    let seen: Awaited<ReturnType<typeof look>>;
    try {
      seen = await look(wanted.connection, call, 15);
    } catch (error) {
      if (isAbort(error, call.signal)) throw error;
      call.warn(`the server was not looked at, its last known state stands: ${messageOf(error)}`);
      return { id, state, inputs };
    }
    try {
      const { facts, status } = seen;
      if (facts.pine.ram) {
        call.warn("an overwrite was cut off: the RAM system runs until the next `pulumi up` goes on");
        return { id, state, inputs };
      }
      if (facts.pine.install?.id !== known.installationId) {
        call.warn(facts.pine.install ? "another installation is on this server now" : "Pine is gone from this server");
        return undefined;
      }
      const { booted: _, ...rest } = state;
      if (!status?.running) {
        call.warn(`the old system (${facts.os.name}) runs, not Pine`);
        return { id, inputs, state: rest };
      }
      const version = status.checksum === known.booted?.checksum ? known.booted?.version : undefined;
      const { deployment, checksum, bootId, running: slot } = status;
      if (checksum !== known.booted?.checksum)
        call.warn(`commit ${checksum.slice(0, 12)} runs, not the one deployed last`);
      return { id, inputs, state: { ...rest, booted: { checksum, version, deployment, slot, bootId } } };
    } finally {
      await seen.ssh.close();
    }
  },

  async delete(call, { state, inputs }) {
    const known = plain(state) as HijackState;
    const wanted = hijackInputs(inputs);
    if (wanted.onDestroy === "retain") return call.warn("the server stays as it is (onDestroy: retain)");
    let seen: Awaited<ReturnType<typeof look>>;
    try {
      seen = await look(wanted.connection, call);
    } catch (error) {
      if (wanted.whenUnreachable !== "forget" || isAbort(error, call.signal)) throw error;
      return call.warn(`the server is forgotten without having been touched: ${messageOf(error)}`);
    }
    try {
      const found = seen.facts.pine.install?.id;
      if (found !== known.installationId)
        return call.warn(
          found ? "another installation is on this server: left alone" : "Pine is not on this server any more",
        );
      if (seen.facts.pine.install?.method === "overwrite")
        return call.warn("the server stays as it is: it was overwritten, so there is no old system to give back");
      const connections = connectionsOf({ ...wanted.connection, hostKey: seen.ssh.hostKeySeen });
      const o = { id: known.installationId, connections: [...connections].reverse(), deleteData: wanted.deleteData };
      const kept = await restoreOld(seen.ssh, o, call);
      if (kept) call.info(`the old system runs again; what Pine kept in /var lies in ${kept}`);
    } finally {
      await seen.ssh.close();
    }
  },
};

const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** Rule 9: a commit that was seen to fail here is not booted again until it or the triggers change. */
function refuseKnownFailure(state: HijackState, inputs: HijackInputs): void {
  const { failed } = state;
  if (!failed?.final || failed.checksum !== inputs.commit || failed.triggers !== JSON.stringify(inputs.triggers))
    return;
  die(
    `commit ${failed.checksum.slice(0, 12)} failed on this server before (${failed.reason}) and is not booted again`,
    "change what goes into the commit, or `triggers` to try the same once more",
  );
}

/** Brings the server to what is wanted, whatever it runs; throws InitError with what holds once the server was written to. */
async function bring(
  call: Call,
  id: string,
  props: Props,
  state: HijackState | undefined,
  reboot: boolean,
  oldInputs?: Props,
): Promise<Props> {
  const inputs = hijackInputs(props);
  const artifacts = await commitArtifacts(inputs.commit, call, inputs.image);
  let seen = await look(inputs.connection, call);
  let now: HijackState = { ...state, installationId: state?.installationId ?? id };
  let touched = false;
  const touch = () => {
    touched = true;
  };
  try {
    const found = seen.facts.pine.install;
    if (state && found && found.id !== state.installationId)
      die(
        "another installation is on this server",
        "remove this resource from the state, or look who else manages the server",
      );
    let outcome: Outcome;
    seen = await settle(seen, inputs, call);
    if (seen.status?.running && (state || !(inputs.method === "overwrite" && inputs.erase))) {
      // A create that finds its own stack's system adopts it, under a new id: it is of a run that was cut off, or about to be
      // replaced, and then the old resource's delete must find nothing of its own (rule 7).
      const adoptAs = state ? undefined : now.installationId;
      const oldKeys = oldInputs ? hijackInputs(oldInputs).authorizedKeys : [];
      const o = { inputs, artifacts, state, adoptAs, oldKeys, reboot: reboot && state !== undefined, touched: touch };
      outcome = await update(seen, o, call);
    } else {
      const o = { inputs, id: now.installationId, artifacts, created: new Date().toISOString(), touched: touch };
      outcome = await install(seen, o, call);
    }
    now = afterTrial(now, inputs, outcome, artifacts.version);
    if (outcome.result.outcome !== "returned") return outputs(props, now);
    if (now.booted?.checksum === inputs.commit)
      throw new InitError(
        id,
        outputs(props, now),
        [
          `commit ${inputs.commit.slice(0, 12)} runs and is not healthy, and there is no system before it to go back to`,
          ...outcome.result.reasons,
        ],
        oldInputs ?? props,
      );
    const runs = now.booted ? `commit ${now.booted.checksum.slice(0, 12)}` : (outcome.previous ?? "the old system");
    const what = `commit ${inputs.commit.slice(0, 12)}${artifacts.version ? ` (version ${artifacts.version})` : ""}`;
    throw new InitError(
      id,
      outputs(props, now),
      [`${what} was booted and failed; ${runs} runs again`, ...outcome.result.reasons],
      oldInputs ?? props,
    );
  } catch (error) {
    if (error instanceof InitError || !touched) throw error;
    const lost = connectionLost(error) ? "the connection to the server was lost; run `pulumi up` again" : undefined;
    throw new InitError(id, outputs(props, now), [messageOf(error), ...(lost ? [lost] : [])], oldInputs ?? props);
  } finally {
    await seen.ssh.close();
  }
}
