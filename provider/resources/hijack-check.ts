/** What HostHijack accepts, and what counts as a difference. */
import { PineError } from "../errors.ts";
import { HEALTH_SECONDS } from "../host/health.ts";
import { hostPathProblem } from "../host/hostfiles.ts";
import { hostnamePattern } from "../image/recipe-rules.ts";
import { kernelArgumentProblem } from "../image/slot-options.ts";
import type { Call, CheckFailure, Diff, DiffKind } from "../resource.ts";
import { equalValues, hasSecret, hasUnknown, type Props, plain, Secret } from "../values.ts";
import { any, asset, checkProps, flag, integer, list, map, object, type Shape, text } from "./check.ts";
import { connectionRule } from "./connection-shape.ts";
import { diffInputs } from "./diff.ts";
import { type HijackState, hijackInputs } from "./hijack-inputs.ts";
import { isUnknown } from "./hijack-known.ts";
import { pathOf } from "./path.ts";
import { secretArguments } from "./secret-arguments.ts";

const publicKey = {
  pattern: /^(?!-----)\S.*\s*$/s,
  expected: 'a public key, "ssh-ed25519 AAAA…"',
};
const shape = {
  connection: connectionRule,
  commit: text({
    required: true,
    pattern: /^[0-9a-f]{64}$/,
    expected: "the checksum of an OstreeCommit (64 hex digits)",
  }),
  image: text({ pattern: /^[0-9a-f]{64}$/, expected: "the sha256 of a DiskImage (64 hex digits)" }),
  method: text({
    default: "auto",
    enum: ["auto", "alongside", "overwrite", "container"],
  }),
  erase: flag(),
  disk: text(),
  dataPartitions: list(
    object({
      // XFS has room for 12
      label: text({
        required: true,
        pattern: /^[A-Za-z0-9_-]{1,12}$/,
        expected: "a label of at most 12 letters and digits",
      }),
      size: integer({ min: 16, max: 1 << 30, hint: "the size is in MiB" }),
      filesystem: text({ enum: ["ext4", "xfs"], default: "ext4" }),
      mountPoint: text({
        required: true,
        pattern: /^\/(var|srv|home|opt|mnt|root)(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
        expected: "a folder below /var, /srv, /home, /opt, /mnt or /root",
      }),
    }),
  ),
  hostname: text({
    pattern: hostnamePattern,
    expected: 'a hostname such as "web-1"',
  }),
  authorizedKeys: list(text(publicKey)),
  network: object({
    mode: text({ enum: ["keep", "dhcp", "static"], default: "keep" }),
    interface: text(),
    mac: text({ pattern: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, expected: 'a MAC address "52:54:00:12:34:56"' }),
    addresses: list(
      text({ pattern: /^[0-9a-fA-F:.]+\/\d+$/, expected: 'an address with its prefix, "203.0.113.7/24"' }),
    ),
    gateways: list(text({ pattern: /^[0-9a-fA-F:.]+$/, expected: "an address" })),
    nameservers: list(text({ pattern: /^[0-9a-fA-F:.]+$/, expected: "an address" })),
    search: list(text()),
    mtu: integer({ min: 576, max: 65535 }),
    vlan: integer({ min: 1, max: 4094 }),
  }),
  files: map(
    object(
      {
        content: text({ empty: true }),
        source: asset(),
        mode: text({ pattern: /^[0-7]{3,4}$/, expected: 'an octal mode "0644"' }),
        owner: text({ pattern: /^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_][a-z0-9_-]*)?$/, expected: '"user:group"' }),
      },
      { exactlyOne: ["content", "source"] },
    ),
  ),
  health: list(
    object(
      {
        http: text({ pattern: /^https?:\/\/\S+$/, expected: 'a URL "http://127.0.0.1/"' }),
        status: integer({ min: 100, max: 599 }),
        contains: text(),
        tcp: text({ pattern: /^\S+:\d+$/, expected: '"host:port"' }),
        command: text(),
        service: text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, expected: "an OpenRC service" }),
        timeout: integer({ min: 1, max: 3600 }),
      },
      { exactlyOne: ["http", "tcp", "command", "service"] },
    ),
  ),
  kernelArguments: list(text({ verify: kernelArgumentProblem })),
  onDestroy: text({ enum: ["restore", "retain"], default: "restore" }),
  finalize: flag(),
  deleteData: flag(),
  whenUnreachable: text({ enum: ["fail", "forget"], default: "fail" }),
  deadman: integer({ min: 60, max: 3600, default: 300 }),
  force: flag(),
  triggers: list(any()),
} satisfies Shape;

export function checkHijack(news: Props): { inputs: Props; failures: CheckFailure[] } {
  const { inputs, failures } = checkProps(news, shape);
  const files = isUnknown(inputs.files) ? {} : (plain(inputs.files ?? {}) as Props);
  for (const path of Object.keys(files)) {
    const problem = hostPathProblem(path);
    if (problem) failures.push({ property: pathOf("files", path), reason: `the path ${problem}` });
  }
  // a file that holds a secret is for root alone unless said otherwise
  const given = inputs.files instanceof Secret ? inputs.files.value : inputs.files;
  for (const file of isUnknown(given) ? [] : Object.values((given ?? {}) as Props)) {
    const own = file instanceof Secret ? file.value : file;
    if (own && !isUnknown(own) && typeof own === "object" && own.mode === undefined)
      own.mode = file instanceof Secret || inputs.files instanceof Secret || hasSecret(own.content) ? "0600" : "0644";
  }
  failures.push(...overwriteFailures(inputs, news), ...healthFailures(inputs), ...secretArguments(news));
  const network = plain(inputs.network) as Props | undefined;
  if (network && !hasUnknown(inputs.network)) {
    if (network.mode === "static" && !network.addresses?.length)
      failures.push({
        property: "network.addresses",
        reason: 'is missing: mode static needs addresses, ["203.0.113.7/24"]',
      });
    const extra = Object.keys(network).filter((k) => k !== "mode");
    if (network.mode !== "static" && extra.length > 0)
      failures.push({ property: `network.${extra[0]}`, reason: `is only for mode static, not ${network.mode}` });
  }
  return { inputs, failures };
}

/** A check that is still being tried when the dead-man reboots could not be passed. */
function healthFailures(inputs: Props): CheckFailure[] {
  const { deadman } = inputs;
  if (typeof deadman !== "number" || hasUnknown(inputs.health)) return [];
  const checks = (plain(inputs.health) ?? []) as { timeout?: number }[];
  return checks.flatMap(({ timeout = HEALTH_SECONDS }, n) =>
    timeout <= deadman
      ? []
      : [
          {
            property: `health[${n}].timeout`,
            reason: `is ${timeout} s, and a system on trial goes back after deadman, ${deadman} s: expected no more than that; shorten it, or raise deadman`,
          },
        ],
  );
}

/** What overwrite needs, and what only it takes. */
function overwriteFailures(inputs: Props, news: Props): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const { method, erase, disk, dataPartitions } = inputs;
  const { image } = news;
  const add = (property: string, reason: string) => failures.push({ property, reason });
  if (method === "overwrite" && erase !== true && !hasUnknown(erase))
    add("erase", "must be true for method overwrite: everything on the server's disk is erased");
  if (method === "overwrite" && image === undefined)
    add("image", "is missing: method overwrite writes a DiskImage, give its sha256");
  if (method === "auto" && erase === true && image === undefined)
    add("image", "is missing: with erase the disk may be overwritten, which takes a DiskImage's sha256");
  const able = method === "overwrite" || (method === "auto" && erase === true);
  const open = hasUnknown(method) || hasUnknown(erase);
  if (!able && disk !== undefined && !open) add("disk", "is only for overwrite (erase: true)");
  if (!able && (plain(dataPartitions) as unknown[] | undefined)?.length && !open)
    add("dataPartitions", "are only for overwrite (erase: true)");
  if (hasUnknown(dataPartitions)) return failures;
  const parts = (plain(dataPartitions) ?? []) as { label?: string; size?: number; mountPoint?: string }[];
  for (const [n, part] of parts.entries()) {
    const at = `dataPartitions[${n}]`;
    if (parts.findIndex((p) => p.label === part.label) < n) add(`${at}.label`, `"${part.label}" is there twice`);
    if (parts.findIndex((p) => p.mountPoint === part.mountPoint) < n)
      add(`${at}.mountPoint`, `"${part.mountPoint}" is there twice`);
    if (part.size === undefined && n < parts.length - 1)
      add(`${at}.size`, "is missing: only the last one takes the rest of the disk");
  }
  return failures;
}

/** Old against new; a changed address asks the server who it is. */
export async function diffHijack(call: Call, args: { olds: Props; oldInputs: Props; news: Props }): Promise<Diff> {
  const { olds, oldInputs, news } = args;
  const state = plain(olds) as HijackState;
  const detailed = diffInputs(oldInputs, news, { ignore: ["image", "commit"] });
  // what truly runs counts, not what was asked for last
  if (!equalValues(news.commit, state.booted?.checksum)) detailed.commit = "update";
  if (state.finalized && oldInputs.finalize === true && news.finalize !== true)
    call.warn("the old system was removed by finalize: nothing brings it back, and destroy leaves the server as it is");
  const later = Object.keys(detailed).filter((key) => /^(method|disk|dataPartitions)\b/.test(key));
  if (state.booted && later.length > 0)
    call.warn(
      `${later.join(", ")} count when the disk is written: nothing of it is changed on the server that runs; write it anew with \`pulumi up --replace '${call.urn}'\``,
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
  const { look } = await import("./hijack-look.ts");
  const { connection } = hijackInputs({ ...news, files: {} });
  try {
    const seen = await look(connection, state, call, 10);
    await seen.ssh.close();
    return seen.facts.pine.install?.id === state.installationId ? "update" : "update-replace";
  } catch (error) {
    // not the key that was taken at the first connection: nothing was sent, and it is another server
    const another = (error as { code?: string }).code === "host-key";
    if (another && connection.acceptNewHostKey && !connection.hostKey) return "update-replace";
    throw new PineError(`connection.host changed, and the new address cannot be asked whether it is the same server`, {
      hint: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}
