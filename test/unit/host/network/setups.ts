/** Networks of servers: facts, their provenance, and the files that come of them, one a file in fixtures/network. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { parseNetwork } from "../../../../provider/host/facts/network.ts";
import type { NetworkFacts } from "../../../../provider/host/facts/types/network.ts";
import type { NetworkInput, NetworkPlan } from "../../../../provider/host/network/model/types.ts";
import { planNetwork } from "../../../../provider/host/network/plan.ts";

export interface Setup {
  name: string;
  provenance: string;
  facts: NetworkFacts;
  input: NetworkInput;
  plan: NetworkPlan;
  /** What {@link written} shall say. */
  expected: string;
}

const folder = join(import.meta.dirname, "../../fixtures/network");

/** All setups, by name. */
export function setups(): Setup[] {
  return readdirSync(folder)
    .filter((f) => f.endsWith(".txt"))
    .sort()
    .map((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const at = text.indexOf("\n--- ") + 1;
      const [head, expected] = at > 0 ? [text.slice(0, at), text.slice(at)] : [text, ""];
      const header = head.match(/^# .*$/gm) ?? [];
      const asked = header.find((l) => l.startsWith("# input: "));
      const input: NetworkInput = asked ? JSON.parse(asked.slice("# input: ".length)) : "keep";
      const facts = parseNetwork(factLines(head));
      return {
        name: file.replace(/\.txt$/, ""),
        provenance: header.filter((l) => l !== asked).join("\n"),
        facts,
        input,
        plan: planNetwork(facts, input, "vps"),
        expected,
      };
    });
}

/** A plan as the fixtures have it. */
export function written(plan: NetworkPlan): string {
  if (!("files" in plan)) return plan.refusals.map((r) => `--- refused: ${r.code}\n${r.message}\n${r.hint}\n`).join("");
  const { interfaces, mactab, resolvConf, summary } = plan.files;
  const parts = { "/etc/network/interfaces": interfaces, "/etc/mactab": mactab, summary: `${summary}\n` };
  return [
    ...Object.entries(parts).map(([name, text]) => `--- ${name}\n${text}`),
    resolvConf === undefined ? "--- /etc/resolv.conf by DHCP\n" : `--- /etc/resolv.conf\n${resolvConf}`,
    ...(plan.notes.length > 0 ? [`--- notes\n${plan.notes.join("\n")}\n`] : []),
  ].join("");
}
