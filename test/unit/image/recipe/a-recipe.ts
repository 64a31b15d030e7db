/** A recipe for tests: the least one, with what a test changes. */
import type { Recipe } from "../../../../provider/image/recipe/types.ts";

// biome-ignore format: what belongs together is in one line
export const aRecipe = (change: Partial<Recipe> = {}): Recipe => ({
  target: "vm", release: "v3.23", arch: "x86_64", mirror: "http://m/alpine", keys: { "k.rsa.pub": "PEM\n" },
  repositories: ["main"], packages: [], kernel: "virt", timezone: "UTC", hostname: "pine", authorizedKeys: [],
  users: [], ssh: "dropbear", services: {}, sysctl: {}, modules: [], files: [], archives: [], extraModules: [],
  extras: [], dns: [], mounts: [], memory: { kind: "none" }, limits: {}, hooks: [],
  ...change,
});
