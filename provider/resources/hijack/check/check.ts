/** What HostHijack accepts, and what counts as a difference. */
import { hostPathProblem } from "../../../host/files/paths.ts";
import { HEALTH_SECONDS } from "../../../host/trial/health.ts";
import type { CheckFailure } from "../../../properties/failure.ts";
import { pathOf } from "../../../properties/path.ts";
import { checkProps } from "../../../properties/rule.ts";
import { hasSecret, hasUnknown, isUnknown, type Props, plain, Secret } from "../../../properties/values.ts";
import { secretArguments } from "../../secret-arguments.ts";
import { spread } from "../model/overwrite.ts";
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
    ...overwriteFailures(inputs),
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
function overwriteFailures(inputs: Props): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const { method, overwrite } = inputs;
  const add = (property: string, reason: string) => failures.push({ property, reason });
  if (method === "overwrite" && overwrite === undefined)
    add("overwrite", "is missing: method overwrite needs it, { erase: true, image: the sha256 of a DiskImage }");
  if (overwrite !== undefined && (method === "alongside" || method === "container"))
    add("overwrite", `is for method overwrite or auto, not ${method}`);
  const { dataPartitions } = spread({ overwrite });
  if (hasUnknown(dataPartitions)) return failures;
  const parts = (plain(dataPartitions) ?? []) as { label?: string; size?: number; mountPoint?: string }[];
  for (const [n, part] of parts.entries()) {
    const at = `overwrite.dataPartitions[${n}]`;
    if (parts.findIndex((p) => p.label === part.label) < n) add(`${at}.label`, `"${part.label}" is there twice`);
    if (parts.findIndex((p) => p.mountPoint === part.mountPoint) < n)
      add(`${at}.mountPoint`, `"${part.mountPoint}" is there twice`);
    if (part.size === undefined && n < parts.length - 1)
      add(`${at}.size`, "is missing: only the last one takes the rest of the disk");
  }
  return failures;
}
