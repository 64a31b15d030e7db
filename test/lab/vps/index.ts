/** The lab's VPS: `const vps = await startVps({ base: await ensureDebian(), dir })`. */

export { endLeftovers, labCache, startProcess } from "../processes.ts";
export { type BaseImage, ensureDebian, type Release } from "./debian.ts";
export { labKey, newKey, withLock } from "./key.ts";
export { type SshResult, startVps, type Vps, type VpsOptions } from "./vps.ts";
