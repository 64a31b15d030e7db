/** What refresh finds on a server: what runs, and where it differs from the inputs. Writes nothing there. */
import { isAbort, messageOf } from "../../errors.ts";
import type { PineFacts } from "../../host/facts/types/pine.ts";
import { finalizedOf } from "../../host/server/record.ts";
import { isUnreachable } from "../../host/ssh/errors.ts";
import { aheadLine, pullsLine, updateNotes, wentTo } from "../../host/updates/notes.ts";
import { byHandNotes } from "../../host/ways/update/by-hand.ts";
import { type Props, plain } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { short } from "../../words.ts";
import { storeIfThere } from "../store.ts";
import { importHost } from "./import.ts";
import { driftOf } from "./look/drift.ts";
import { etcDrift } from "./look/etc-drift.ts";
import { type Look, look } from "./look/look.ts";
import { pullsOnly } from "./model/followed.ts";
import { hijackInputs } from "./model/inputs.ts";
import { bootedOf, fallbackOf } from "./model/outputs.ts";
import type { HijackState } from "./model/state.ts";
import { keepForHost } from "./plan/kept.ts";

interface Read {
  id: string;
  state: Props;
  inputs: Props;
}

/** Tells what runs where it is not what was deployed last, and what the server and people on it did. */
function whatRuns(
  pine: PineFacts,
  { checksum, known, inputs }: { checksum: string; known: HijackState; inputs: Props },
  call: Call,
): { version?: string; followed?: string } {
  const went = wentTo(pine);
  const wanted = String(plain(inputs.commit) ?? "");
  const ahead = went && checksum !== wanted;
  if (ahead) call.info(pullsOnly(inputs) ? pullsLine(went) : aheadLine(went, { checksum: wanted }));
  else if (checksum !== known.booted?.checksum) call.warn(`commit ${short(checksum)} runs, not the one deployed last`);
  for (const note of [...updateNotes(pine, hijackInputs(inputs).updates), ...byHandNotes(pine, known.booted?.checksum)])
    call.warn(note);
  const version = checksum === known.booted?.checksum ? known.booted.version : went?.version;
  return { version, followed: ahead ? checksum : undefined };
}

/** Reads the server; undefined: Pine, or this installation of it, is gone. Without a state this is an import. */
export async function readHost(call: Call, { id, state, inputs }: Read): Promise<Read | undefined> {
  const known = plain(state) as HijackState;
  if (!known.installationId) return importHost(call, id);
  let seen: Look;
  try {
    seen = await look(hijackInputs(inputs).connection, known, call, 15);
  } catch (error) {
    // another host key: perhaps another server, not one that is away
    if (isAbort(error, call.signal) || (error as { code?: string }).code === "host-key") throw error;
    call.warn(`the server could not be read, so its last known state is kept: ${messageOf(error)}`);
    const away = isUnreachable(error);
    return { id, state: away ? { ...state, unreachable: true } : state, inputs };
  }
  try {
    const { facts, status, ssh } = seen;
    if (facts.pine.ram) {
      call.warn("an overwrite was cut off: the RAM system runs until the next `pulumi up` continues");
      return { id, state, inputs };
    }
    if (facts.pine.install?.id !== known.installationId) {
      call.warn(facts.pine.install ? "another installation is on this server now" : "Pine is gone from this server");
      return undefined;
    }
    const { booted: _, unreachable: __, ...rest } = state;
    if (!status?.running) {
      call.warn(`the old system (${facts.os.name}) runs, not Pine`);
      return { id, inputs, state: rest };
    }
    const { version, followed } = whatRuns(facts.pine, { checksum: status.checksum, known, inputs }, call);
    await keepForHost(await storeIfThere(call), { ...known, booted: bootedOf(status, version) });
    const given = Object.keys(hijackInputs(inputs).files);
    const { changedFiles: _changed, moreChangedFiles: _more, ...unchanged } = rest;
    const etc = await etcDrift(ssh, given, known, call);
    const there = await driftOf(ssh, facts, { inputs, state: known }, call);
    return {
      id,
      inputs: there.inputs,
      state: {
        ...unchanged,
        ...etc,
        ...(finalizedOf(facts.pine.install) === "done" ? { oldSystemRemoved: true } : {}),
        rootKeys: there.rootKeys,
        hostKey: known.hostKey ?? ssh.hostKeySeen,
        fallback: fallbackOf(status, known.fallback),
        booted: bootedOf(status, version),
        followed,
      },
    };
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    call.warn(`the server could not be read completely, so its last known state is kept: ${messageOf(error)}`);
    return { id, state, inputs };
  } finally {
    await seen.ssh.close();
  }
}
