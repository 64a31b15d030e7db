/** The lab's VPS: `const vps = await startVps({ base: await ensureDebian(), dir })`. */

export { endLeftovers, labCache, startProcess } from "../processes.ts";
export { type BaseImage, RELEASES, type Release } from "./bases.ts";
export { startBooted } from "./booted.ts";
export { BOOT_WAYS, type BootWay, ensureDebian } from "./debian.ts";
export { labKey, newKey, withLock } from "./key.ts";
export { LAYOUTS, type Layout } from "./layouts.ts";
export { addLogins, LOGINS } from "./logins.ts";
export type { Bus, Firmware } from "./qemu.ts";
export type { SshResult } from "./ssh.ts";
export { startVps, type Vps, type VpsOptions } from "./vps.ts";
