/** Which SSH keys go with the server to its new system. Pure. */
import { publicKeyOf } from "./public-key.ts";

export interface KeptKeys {
  /** Lines of root's authorized_keys. */
  lines: string[];
  notes: string[];
}

interface KeyLine {
  line: string;
  key: string;
  options: string;
}

/** An authorized_keys line taken apart; undefined for what dropbear cannot use (DSA, certificate authorities, damage). */
function parseKeyLine(line: string): KeyLine | undefined {
  // options hold blanks only within quotes (sshd(8), AUTHORIZED_KEYS FILE FORMAT)
  const words = line.trim().match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  for (const n of [0, 1]) {
    const key = publicKeyOf(`${words[n] ?? ""} ${words[n + 1] ?? ""}`);
    if (key) return { line: line.trim(), key, options: n === 1 ? words[0]! : "" };
  }
  return undefined;
}

const forced = (k: KeyLine) => /(^|,)command=/i.test(k.options);
/** cloud-init lets root's login only say "Please login as the user …": that is no login. */
const cloudInit = (k: KeyLine) => /command="echo \\?'Please login as the user/i.test(k.options);

/**
 * Root's keys, the login user's (who becomes root by sudo now) and those asked for, each once; of two lines with one key
 * the one with fewer restrictions.
 */
export function keptKeys(root: string[], login: string[], wanted: string[]): KeptKeys {
  const kept = new Map<string, KeyLine>();
  let unusable = 0;
  for (const line of [...root, ...login, ...wanted]) {
    const key = parseKeyLine(line);
    if (!key || /(^|,)cert-authority(,|$)/i.test(key.options)) {
      unusable++;
      continue;
    }
    if (cloudInit(key)) continue;
    const old = kept.get(key.key);
    if (!old || (old.options !== "" && key.options === "")) kept.set(key.key, key);
  }
  const notes =
    unusable > 0
      ? [`${unusable} line(s) of authorized_keys hold no key the new system can use (DSA, certificates)`]
      : [];
  return { lines: [...kept.values()].map((k) => k.line), notes };
}

/** Whether one of `loginKeys` opens a shell with these lines. */
export function admits(lines: string[], loginKeys: string[]): boolean {
  const open = lines.map(parseKeyLine).filter((k): k is KeyLine => k !== undefined && !forced(k));
  return loginKeys.some((line) => open.some((k) => k.key === publicKeyOf(line)));
}
