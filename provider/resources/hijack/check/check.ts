/** What HostHijack accepts, and what counts as a difference. */
import { hostPathProblem } from "../../../host/files/paths.ts";
import { HEALTH_SECONDS } from "../../../host/trial/health.ts";
import type { CheckFailure } from "../../../properties/failure.ts";
import { pathOf } from "../../../properties/path.ts";
import { checkProps } from "../../../properties/rule.ts";
import { hasSecret, hasUnknown, isUnknown, type Props, plain, Secret } from "../../../properties/values.ts";
import { secretArguments } from "../../secret-arguments.ts";
import { lockFailures } from "./lock.ts";
import { shape } from "./shape.ts";
import { updatesFailures } from "./updates.ts";

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
  failures.push(
    ...overwriteFailures(inputs, news),
    ...healthFailures(inputs),
    ...updatesFailures(inputs),
    ...lockFailures(inputs),
    ...secretArguments(news),
  );
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

/** Refuses checks with a timeout longer than the dead-man's: it would reboot before they could pass. */
function healthFailures(inputs: Props): CheckFailure[] {
  const { trialTimeout } = inputs;
  if (typeof trialTimeout !== "number" || hasUnknown(inputs.healthChecks)) return [];
  const checks = (plain(inputs.healthChecks) ?? []) as { timeout?: number }[];
  return checks.flatMap(({ timeout = HEALTH_SECONDS }, n) =>
    timeout <= trialTimeout
      ? []
      : [
          {
            property: `healthChecks[${n}].timeout`,
            reason: `is ${timeout} s, and a system on trial rolls back after trialTimeout, ${trialTimeout} s: expected no more than that; shorten it, or raise trialTimeout`,
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
