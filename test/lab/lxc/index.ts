/** The lab's container VPS: `const lxc = await startLxc({ release: "bookworm", privileged: true })`. */
export type { ContainerNetwork } from "./config.ts";
export { type ContainerDebian, ensureContainerDebian } from "./debian.ts";
export { startLxc } from "./lxc.ts";
export type { Memory } from "./memory.ts";
export { lxcMissing } from "./missing.ts";
export { removeTree } from "./root.ts";
export type { Lxc, LxcOptions } from "./types.ts";
