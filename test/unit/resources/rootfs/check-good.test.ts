/** Good inputs of a Rootfs, which are easily refused by mistake. */
import { describe, expect, it } from "vitest";
import { type Props, Secret, Unknown } from "../../../../provider/properties/values.ts";
import type { Config } from "../../../../provider/resource.ts";
import { checkRootfs } from "../../../../provider/resources/rootfs/check.ts";

// nothing is read or written there
const config: Config = {
  store: "/nowhere/s",
  cache: "/nowhere/c",
  mirror: "http://m/alpine",
  release: "v3.23",
  keys: {},
};
const key = `ssh-ed25519 ${"A".repeat(68)} test`;
const ann = { name: "ann", authorizedKeys: [key] };

describe("a good input", () => {
  it.each<Props>([
    {},
    { packages: [] },
    { profile: "classic" },
    { profile: "classic", target: "container" },
    { packages: ["nano@edge"], repositories: ["main", "@edge edge/community"] },
    { users: [{ ...ann, passwordHash: new Secret(`$6$abcdefgh$${"a".repeat(86)}`) }] },
    { swap: { kind: "zram" }, keymap: "de/de-latin1", locale: "de_DE.UTF-8", ntp: { client: "chrony" } },
    { target: "container", swap: { kind: "none" }, ntp: { client: "none" } },
    { arch: "aarch64" },
    { release: "latest-stable" },
    { files: { "/etc/x": { content: Unknown.value } } },
  ])("%j", async (inputs) => expect((await checkRootfs(inputs, config)).failures).toEqual([]));
});
