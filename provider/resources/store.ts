/** The store as resources open it. */

import { Store } from "../image/store/store.ts";
import { machineArch } from "../image/toolbox/arch.ts";
import { type Toolbox, toolbox } from "../image/toolbox/toolbox.ts";
import { accessible } from "../local/files.ts";
import type { Call } from "../resource.ts";

/** The store when its folder is there: for diffs and previews, which write nothing. */
export async function storeIfThere(call: Call): Promise<Store | undefined> {
  const there = await accessible(call.config.store);
  return there ? Store.open(call.config.store) : undefined;
}

/** The toolbox that the provider's configuration asks for. */
export function toolboxOf(call: Call): Promise<Toolbox> {
  return toolbox({ ...call.config, arch: machineArch() }, call);
}
