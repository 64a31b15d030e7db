/** What of Pine is on a server, out of the script's lines. Pure. */
import type { Trust } from "../../trust/manifest.ts";
import { assignments } from "../ssh/answers.ts";
import type { Lines } from "./lines.ts";
import { parseRam } from "./ram.ts";
import type { Facts } from "./types/facts.ts";
import type { PineFacts, RefusedCommit, Slots } from "./types/pine.ts";

export function parsePine(lines: Lines, cmdline: string[]): PineFacts {
  const env = assignments(lines.get("pine.env") ?? []);
  const slots: Slots | undefined = lines.has("pine.env")
    ? {
        slot: env.pine_slot ?? "",
        trial: env.pine_trial ?? "",
        tries: Number(env.pine_tries || 0),
        boots: Number(env.pine_boots || 0),
      }
    : undefined;
  const argument = (name: string) => cmdline.find((a) => a.startsWith(`${name}=`))?.slice(name.length + 1);
  const deployments = (lines.get("pine.deployment") ?? []).map((p) =>
    p.replace(/^.*\/deploy\/([^/]+)\/deploy\//, "$1/"),
  );
  const leftovers = lines.get("pine.leftover") ?? [];
  // other systems have /boot/loader and /boot/boot as well
  const tell = leftovers.some((p) => ["/.pine-new", "/ostree", "/boot/ostree"].includes(p));
  return {
    ...(lines.has("pine.options") ? { options: lines.get("pine.options")![0]!.split(/\s+/) } : {}),
    ...(lines.has("boot.loader") ? { otherLoader: true as const } : {}),
    install: lines.has("pine.install") ? assignments(lines.get("pine.install")!) : undefined,
    slots,
    ...(lines.has("pine.trust") ? { trust: trustOf(lines.get("pine.trust")!) } : {}),
    ...(lines.has("pine.updates") ? { updates: updatesOf(lines) } : {}),
    ...(lines.has("pine.hold") ? { hold: holdOf(lines.get("pine.hold")!) } : {}),
    ...(lines.has("pine.turn.without") ? { wentWithoutLock: withoutLock(lines.get("pine.turn.without")!) } : {}),
    ...(lines.has("pine.refused") ? { refused: lines.get("pine.refused")!.flatMap(refusedOf) } : {}),
    ...(lines.has("pine.red") ? { red: lines.get("pine.red")! } : {}),
    runningSlot: argument("pine.slot"),
    runningTrial: argument("pine.trial") === "1",
    deployment: argument("ostree")?.split("/").pop(),
    deployments: [...new Set(deployments)],
    ram: parseRam(lines),
    leftovers: tell ? leftovers : leftovers.filter((p) => p === "/.pine-var"),
  };
}

function updatesOf(lines: Lines): NonNullable<PineFacts["updates"]> {
  const staged = assignments(lines.get("pine.staged") ?? []).version;
  return { digest: lines.get("pine.updates")![0]!, state: assignments(lines.get("pine.pull") ?? []), staged };
}

function holdOf(lines: string[]): NonNullable<PineFacts["hold"]> {
  const { since = "", by = "", reason = "" } = assignments(lines);
  return { since, by, reason };
}

function withoutLock(lines: string[]): NonNullable<PineFacts["wentWithoutLock"]> {
  const { since = "", commit = "", reason = "" } = assignments(lines);
  return { since, commit, reason };
}

const KINDS = ["bad", "unclear", "elsewhere"] as const;

/** `CHECKSUM KIND SINCE REASON`. A kind of a newer agent counts as a person's: it is not booted unasked. */
function refusedOf(line: string): RefusedCommit[] {
  const [, commit = "", word, since = "", reason = ""] = /^([0-9a-f]{64}) (\S+) (\S+) ?(.*)$/.exec(line) ?? [];
  if (!commit) return [];
  return [{ commit, kind: KINDS.find((kind) => kind === word) ?? "person", since, reason }];
}

/** From the lines of the manifest that the server kept. */
export function trustOf(lines: string[]): Trust {
  const values = (name: string) => lines.filter((l) => l.startsWith(`${name}=`)).map((l) => l.slice(name.length + 1));
  const [[version], [checksum], [ref]] = [values("version"), values("checksum"), values("ref")];
  return { keys: values("key"), version, checksum, ref };
}

/** Whether there is a record or a slot runs: an image or template that nobody took over has no record. */
export const runsPine = ({ pine }: Facts): boolean => pine.install !== undefined || pine.runningSlot !== undefined;
