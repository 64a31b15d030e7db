/** What changes between two inputs of a server. */
import { PineError } from "../../../errors.ts";
import { type DiffKind, diffInputs } from "../../../properties/diff.ts";
import { equalValues, hasSecret, hasUnknown, type Props, plain } from "../../../properties/values.ts";
import type { Call, Diff } from "../../../resource.ts";
import { followedCommit } from "../model/followed.ts";
import { hijackInputs } from "../model/inputs.ts";
import { asGiven, spread } from "../model/overwrite.ts";
import type { HijackState } from "../model/state.ts";

/** Compares old with new inputs; at a changed address it asks the server who it is. */
export async function diffHijack(call: Call, args: { olds: Props; oldInputs: Props; news: Props }): Promise<Diff> {
  const { olds, oldInputs, news } = args;
  const state = plain(olds) as HijackState;
  const found = diffInputs(spread(oldInputs), spread(news), { ignore: ["image", "commit"] });
  const detailed = Object.fromEntries(Object.entries(found).map(([path, kind]) => [asGiven(path), kind]));
  // compares with what runs, not with the last inputs
  const followed = followedCommit(state, oldInputs, news);
  if (!followed && !equalValues(news.commit, state.booted?.checksum)) detailed.commit = "update";
  if (state.oldSystemRemoved && oldInputs.removeOldSystem === true && news.removeOldSystem !== true)
    call.warn(
      "the old system was removed by removeOldSystem: it cannot be restored, and destroy leaves the server as it is",
    );
  const later = Object.keys(detailed).filter((key) => /^(method|overwrite\.(disk|dataPartitions))\b/.test(key));
  if (state.booted && later.length > 0)
    call.warn(
      `${later.join(", ")} count only when the disk is written: the server that runs does not change; write its disk again with \`pulumi up --replace '${call.urn}'\``,
    );
  for (const key of Object.keys(detailed)) if (key.startsWith("files") && hasSecret(news.files)) delete detailed[key];
  if (!equalValues(oldInputs.files ?? {}, news.files ?? {}) && hasSecret(news.files)) detailed.files = "update";
  if (moved(oldInputs, news)) detailed["connection.host"] = await whoIs(call, state, news);
  // a refresh forgets that an operation did not end
  return { detailed, changes: state.unfinished === true };
}

const moved = (before: Props, after: Props) => {
  const [a, b] = [plain(before.connection) as Props, plain(after.connection) as Props];
  return !hasUnknown(after.connection) && (a?.host !== b?.host || (a?.port ?? 22) !== (b?.port ?? 22));
};

/** Rule 7: another address with the same installation is an update, with another one (or none) a replacement. */
async function whoIs(call: Call, state: HijackState, news: Props): Promise<DiffKind> {
  const { look } = await import("../look/look.ts");
  const { connection } = hijackInputs({ ...news, files: {} });
  try {
    const seen = await look(connection, state, call, 10);
    await seen.ssh.close();
    return seen.facts.pine.install?.id === state.installationId ? "update" : "update-replace";
  } catch (error) {
    // its host key is not the one that was first seen: another server, and nothing was sent
    const another = (error as { code?: string }).code === "host-key";
    if (another && connection.acceptNewHostKey && !connection.hostKey) return "update-replace";
    throw new PineError(`connection.host changed, and the new address cannot be asked whether it is the same server`, {
      hint: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}
