/** Real ifup of a Rootfs in a network namespace that is built after a server's facts. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { factLines } from "../../../provider/host/facts/lines.ts";
import { parseNetwork } from "../../../provider/host/facts/network.ts";
import type { NetworkFacts } from "../../../provider/host/facts/types/network.ts";
import type { NetworkFiles } from "../../../provider/host/network/model/types.ts";
import { requireNamespaces } from "../../../provider/image/namespace/privileges.ts";
import type { Store } from "../../../provider/image/store/store.ts";
import type { Toolbox } from "../../../provider/image/toolbox/toolbox.ts";
import { run } from "../../../provider/local/run.ts";
import { work } from "./old-system.ts";

export interface Seen {
  /** As the kernel has it after the facts were made true. */
  before: NetworkFacts;
  /** After ifup. */
  after: NetworkFacts;
  /** Source addresses of new connections, before and after: IPv4's, IPv6's. */
  sources: [string[], string[]];
  resolvConf: string;
  /** Addresses that did not answer. */
  silent: string[];
  /** What ifup and the tools said. */
  stderr: string;
}

/** A commit of a Rootfs without its kernel modules, as a tree in `folder`. */
export async function checkout(store: Store, box: Toolbox, checksum: string, folder: string): Promise<string> {
  const script =
    'printf "/usr/lib/modules\\n" >/tmp/skip && ostree --repo=/run/repo checkout --skip-list=/tmp/skip "$1" /run/out/tree && mkdir -p /run/out/tree/etc /run/out/tree/sys';
  await box.run(["/bin/sh", "-c", script, "sh", checksum], {
    binds: [
      { source: store.repo, target: "/run/repo", readOnly: true },
      { source: folder, target: "/run/out" },
    ],
  });
  return join(folder, "tree");
}

/** Builds the old network, then lets ifup make the new one. `folder`: where the files for it are put. */
export async function ifup(tree: string, folder: string, facts: NetworkFacts, files: NetworkFiles): Promise<Seen> {
  mkdirSync(folder, { recursive: true });
  const dir = mkdtempSync(join(folder, "setup-"));
  for (const [name, content] of Object.entries(work(facts, files))) writeFileSync(join(dir, name), content);
  const tools = await requireNamespaces();
  const apart = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
  const script = join(import.meta.dirname, "ifup.sh");
  const args = ["--pdeathsig", "KILL", tools.unshare, ...tools.mapped, ...apart, "--", "/bin/sh", script, tree, dir];
  const { stdout, stderr } = await run(tools.setpriv, args, {
    timeout: 180_000,
    env: { PATH: tools.path, LC_ALL: "C" },
  });
  const part = (name: string) => new RegExp(`^== ${name}\\n([^]*?)(?=^== |(?![^]))`, "m").exec(stdout)?.[1] ?? "";
  const sources = (name: string) => factLines(part(name)).get("source") ?? [];
  return {
    sources: [sources("before"), sources("after")],
    before: parseNetwork(factLines(part("before"))),
    after: parseNetwork(factLines(part("after"))),
    resolvConf: part("resolv.conf"),
    silent: part("ping").split("\n").filter(Boolean),
    stderr,
  };
}
