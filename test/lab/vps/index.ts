/** The lab's VPS: `const vps = await startVps({ base: await ensureDebian(), dir })`. */

export { endLeftovers, labCache, startProcess } from "../processes.ts";
export { type BaseImage, ensureDebian, RELEASES, type Release } from "./debian.ts";
export { labKey, newKey, withLock } from "./key.ts";
export { addLogins, LOGINS } from "./logins.ts";
export type { Firmware } from "./qemu.ts";
export { type SshResult, startVps, type Vps, type VpsOptions } from "./vps.ts";
