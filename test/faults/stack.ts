/** The campaign's stack while it is prepared. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../provider/local/run.ts";
import type { Project } from "../e2e/hijack-cli.ts";
import type { StateName } from "./commands.ts";

/** Everything but the server; answers the commit's checksum. */
export async function build(project: Project): Promise<string> {
  const urn = (type: string, name: string) => `urn:pulumi:test::pine-server-yaml::pine:index:${type}::${name}`;
  const targets = [urn("Rootfs", "rootfs"), urn("OstreeCommit", "commit")].flatMap((u) => ["--target", u]);
  await project.ok(["up", "--skip-preview", ...targets]);
  const commit = (await project.state()).find((r) => r.type === "pine:index:OstreeCommit");
  return String(commit!.outputs.checksum);
}

/** What a stack is, without what each start makes anew. */
export async function keep(work: string, into: string, state: StateName, more: string[] = []): Promise<void> {
  const to = join(into, "projects", state);
  mkdirSync(to, { recursive: true });
  await run("cp", ["-a", ...[".backend", "store", "examples", ...more].map((name) => join(work, name)), to]);
}
