/** resolvePackages: the packages named and their dependencies, as Rootfs would lock them, without building. */
import { apkTool } from "../../image/packages/apk.ts";
import { fetchIndexes } from "../../image/packages/mirror-index.ts";
import { fallbacksOf } from "../../image/packages/mirror-order.ts";
import { resolve } from "../../image/packages/resolve.ts";
import { type Checked, checkProps } from "../../properties/rule.ts";
import { hasUnknown, plain } from "../../properties/values.ts";
import type { Invoke } from "../../resource.ts";
import { toolsOf } from "./lock.ts";
import { sourceShape } from "./shape.ts";

export const resolvePackages: Invoke = async (call, args) => {
  const { inputs, failures } = checkProps(args, sourceShape(call.config));
  if (failures.length > 0) return { failures };
  if (hasUnknown(inputs)) return {};
  const wanted = plain(inputs) as Checked<ReturnType<typeof sourceShape>>;
  const tools = toolsOf(call.config);
  const mirror = wanted.mirror.replace(/\/+$/, "");
  const source = {
    cache: call.config.cache,
    mirror,
    fallbacks: fallbacksOf(mirror, tools),
    release: wanted.release,
    arch: wanted.arch,
    keys: wanted.repositoryKeys ?? call.config.keys,
  };
  const apk = await apkTool(tools, call);
  const indexes = await fetchIndexes(wanted.repositories, source, call);
  return { result: { lockedPackages: await resolve(apk, { packages: wanted.packages, indexes }, source, call) } };
};
