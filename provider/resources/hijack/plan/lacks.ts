/** A server's devices that a commit's kernel does not drive. */
import type { Lack } from "../../../boot/device.ts";
import { messageOf } from "../../../errors.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import { driversLacking } from "../../../image/initramfs/kernel-drivers.ts";
import type { Store } from "../../../image/store/store.ts";
import type { Toolbox } from "../../../image/toolbox/toolbox.ts";
import type { Call } from "../../../resource.ts";

/** Finds the devices of a server that a commit does not drive. Asks once: the lock does not change the answer. */
export function lacksOf(
  o: { store: Store; checksum: string; tools: () => Promise<Toolbox>; container: boolean },
  call: Call,
): (on: Facts) => Promise<Lack[] | undefined> {
  const known = new Map<string, Promise<Lack[] | undefined>>();
  return async ({ devices, firmwareFiles: firmware, container }) => {
    if (container !== undefined || o.container || devices.length === 0) return undefined;
    const key = JSON.stringify([devices, firmware]);
    const ask = async () => driversLacking({ ...o, box: await o.tools(), devices, firmware }, call);
    const asked = known.get(key) ?? ask().catch((e) => unknownDrivers(e, call));
    known.set(key, asked);
    return asked;
  };
}

/** Makes the answer unknown when the toolbox is missing: a preview must not need a mirror for it. */
function unknownDrivers(error: unknown, call: Call): undefined {
  if (call.signal.aborted) throw error;
  call.warn(`it was not checked whether the commit's kernel has the server's drivers: ${messageOf(error)}`);
}
