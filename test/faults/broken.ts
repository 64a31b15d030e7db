/** Builds that are broken on purpose, in what keeps a server safe: the campaign must catch them. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { die } from "../../provider/errors.ts";
import { pluginFolder } from "../lab/pulumi.ts";

type Change = [text: string | RegExp, by: string];
/** Scripts of libexec/pine. */
export type Piece = "agent" | "boot-state";
export const PIECES: Piece[] = ["agent", "boot-state"];

/** Changes of the agent's pieces, each of which must apply. */
const KINDS: Record<string, Partial<Record<Piece, Change[]>>> = {
  // nothing is made durable before arming, nor the state itself
  "no-fsync": {
    "boot-state": [[/conv=notrunc,fsync/, "conv=notrunc"]],
    agent: [[/^ {2}checkpoint\n((?: {2}[#[].*\n)* {2}put .*)\n {2}sync$/m, "$1"]],
  },
  // the state is cleared first, and then written
  "two-steps": {
    "boot-state": [
      [
        /^( {4})(dd if="\$new" of="\$dir\/env" .*)$/m,
        `$1{
    printf '# GRUB Environment Block\\npine_slot=\\npine_trial=\\npine_tries=\\npine_boots=\\n'
    head -c 1024 /dev/zero | tr '\\0' '#'
  } | head -c 1024 >"$new.clear"
  dd if="$new.clear" of="$dir/env" bs=1024 count=1 conv=notrunc,fsync 2>/dev/null
  rm -f "$new.clear"
  $2`,
      ],
    ],
  },
};

export const BROKEN = Object.keys(KINDS);

/** A piece's text, broken. */
export function breakPiece(kind: string, piece: Piece, text: string): string {
  const changes = KINDS[kind] ?? die(`--broken ${kind}`, `there is ${BROKEN.join(", ")}`);
  return (changes[piece] ?? []).reduce((before, [what, by]) => {
    const after = before.replace(what, by);
    return after === before ? die(`--broken ${kind}: ${piece} has no ${what} any more`) : after;
  }, text);
}

/** A copy of the built plugin, broken. Answers its folder. */
export function breakPlugin(kind: string, folder: string): string {
  cpSync(pluginFolder, folder, { recursive: true });
  for (const piece of PIECES) {
    const file = join(folder, "system/rootfs/usr/libexec/pine", piece);
    writeFileSync(file, breakPiece(kind, piece, readFileSync(file, "utf8")), { mode: 0o755 });
  }
  return folder;
}
