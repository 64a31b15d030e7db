/** Builds that are broken on purpose, in what keeps a server safe: the campaign must catch them. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { die } from "../../provider/errors.ts";
import { pluginFolder } from "../lab/pulumi.ts";

type Change = [text: string | RegExp, by: string];

/** Changes of the agent `pine`, each of which must apply. */
const KINDS: Record<string, Change[]> = {
  // nothing is made durable before arming, nor the state itself
  "no-fsync": [
    [/conv=notrunc,fsync/, "conv=notrunc"],
    [/^ {2}checkpoint\n((?: {2}[#[].*\n)* {2}put .*)\n {2}sync$/m, "$1"],
  ],
  // the state is cleared first, and then written
  "two-steps": [
    [
      /^( {2})(dd if="\$new" of="\$dir\/env" .*)$/m,
      `$1{
    printf '# GRUB Environment Block\\npine_slot=\\npine_trial=\\npine_tries=\\npine_boots=\\n'
    head -c 1024 /dev/zero | tr '\\0' '#'
  } | head -c 1024 >"$new.clear"
  dd if="$new.clear" of="$dir/env" bs=1024 count=1 conv=notrunc,fsync 2>/dev/null
  rm -f "$new.clear"
  $2`,
    ],
  ],
};

export const BROKEN = Object.keys(KINDS);

/** The agent's text, broken. */
export function breakAgent(kind: string, text: string): string {
  const changes = KINDS[kind] ?? die(`--broken ${kind}`, `there is ${BROKEN.join(", ")}`);
  return changes.reduce((before, [what, by]) => {
    const after = before.replace(what, by);
    return after === before ? die(`--broken ${kind}: the agent has no ${what} any more`) : after;
  }, text);
}

/** A copy of the built plugin, broken. Answers its folder. */
export function breakPlugin(kind: string, folder: string): string {
  cpSync(pluginFolder, folder, { recursive: true });
  const agent = join(folder, "system/rootfs/usr/libexec/pine/agent");
  writeFileSync(agent, breakAgent(kind, readFileSync(agent, "utf8")), { mode: 0o755 });
  return folder;
}
