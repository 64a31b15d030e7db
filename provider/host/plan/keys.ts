/** Which SSH keys the server keeps on its new system, as lines that the new SSH server takes. Pure. */
import type { SshServer } from "../../boot/target.ts";
import { publicKeyOf } from "../ssh/public-key.ts";

export interface KeptKeys {
  /** Lines of root's authorized_keys, written anew: one space between their parts. */
  lines: string[];
  notes: string[];
  /** Keys ("type base64") that are not kept because dropbear does not know these options. */
  leftOut: Map<string, string[]>;
}

interface KeyLine {
  /** "type base64". */
  key: string;
  /** As written in the line, with quotes. */
  options: string[];
  comment: string;
}

const BLANK = /\s/;

/**
 * Where an option ends, by sshd's rules: quotes hold anything, and `\"` does not end them. -1: it does not end within
 * this line.
 */
function optionEnd(text: string, from: number, ends: RegExp): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\" && text[at + 1] === '"') at++;
    else if (text[at] === '"') quoted = !quoted;
    else if (!quoted && ends.test(text[at]!)) return at;
  }
  return quoted ? -1 : text.length;
}

function splitOptions(text: string): string[] {
  const options: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const end = optionEnd(text, at, /,/);
    options.push(text.slice(at, end));
    at = end + 1;
  }
  return options.filter((o) => o !== "");
}

/** Parses a text that begins with a key: "type base64 comment". */
function parseKey(text: string): Omit<KeyLine, "options"> | undefined {
  const [type = "", blob = "", ...comment] = text.trim().split(/\s+/);
  const key = `${type} ${blob}`;
  return publicKeyOf(key) === key ? { key, comment: comment.join(" ") } : undefined;
}

/** Parses an authorized_keys line; undefined for what dropbear cannot use (DSA, certificate authorities, damage). */
function parseKeyLine(text: string): KeyLine | undefined {
  const line = text.trim();
  const bare = parseKey(line);
  if (bare) return { ...bare, options: [] };
  const end = optionEnd(line, 0, BLANK);
  const key = end < 0 ? undefined : parseKey(line.slice(end));
  return key && { ...key, options: splitOptions(line.slice(0, end)) };
}

const named = (name: string) => (option: string) => option.split("=")[0]!.toLowerCase() === name;
const forced = (k: KeyLine) => k.options.some(named("command"));
/** cloud-init lets root's login only say "Please login as the user …": such a key is no login. */
const cloudInit = (k: KeyLine) => k.options.some((o) => /^command="echo \\?'Please login as the user/i.test(o));

/** Rights that dropbear can switch off, as it writes them. */
const RIGHTS = ["port-forwarding", "agent-forwarding", "X11-forwarding", "pty"];
/** Features that dropbear lacks anyway, so these options change nothing: ~/.ssh/rc and tunnels. */
const NOTHING_TO_DROPBEAR = /^((no-)?user-rc|tunnel="[^"]*")$/i;
/**
 * Options that dropbear reads as sshd does (seen by logins with 2022.83). Dropbear keeps the backslashes of a command.
 * For a host it takes the name that was asked for, and no pattern.
 */
const DROPBEAR_KNOWS = /^(no-touch-required|verify-required|command="[^"\\]*"|permitopen="[^"\\\s*?]+:(\d+|\*)")$/i;

/**
 * The same options for dropbear, or the names of those it does not know: dropbear refuses a key with such an option.
 */
function dropbearOptions(options: string[]): { options: string[] } | { unknown: string[] } {
  const off = new Set<string>();
  const kept: string[] = [];
  const unknown: string[] = [];
  for (const option of options) {
    const right = RIGHTS.find((r) => [r, `no-${r}`].some((o) => o.toLowerCase() === option.toLowerCase()));
    if (/^restrict$/i.test(option)) for (const r of RIGHTS) off.add(r);
    else if (right && /^no-/i.test(option)) off.add(right);
    else if (right) off.delete(right);
    else if (DROPBEAR_KNOWS.test(option)) kept.push(option);
    else if (!NOTHING_TO_DROPBEAR.test(option)) unknown.push(option.split("=")[0]!);
  }
  if (kept.filter(named("command")).length > 1) unknown.push("command");
  return unknown.length > 0
    ? { unknown: [...new Set(unknown)] }
    : { options: [...RIGHTS.filter((r) => off.has(r)).map((r) => `no-${r}`), ...kept] };
}

const lineOf = ({ options, key, comment }: KeyLine) => [options.join(","), key, comment].filter(Boolean).join(" ");

/**
 * Collects root's keys, the keys of the login user (who becomes root by sudo now) and the keys asked for, each once. Of
 * two lines with one key it takes the one with fewer restrictions. A key never loses a restriction: for dropbear, a key
 * with unknown options is left out. `server`: of the new system; absent: not known yet, and the lines stay as they are.
 */
export function keptKeys(root: string[], login: string[], wanted: string[], server?: SshServer): KeptKeys {
  const kept = new Map<string, KeyLine>();
  const leftOut: KeptKeys["leftOut"] = new Map();
  let unusable = 0;
  for (const line of [...root, ...login, ...wanted]) {
    const given = parseKeyLine(line);
    if (!given || given.options.some(named("cert-authority"))) {
      unusable++;
      continue;
    }
    if (cloudInit(given)) continue;
    const known = server === "dropbear" ? dropbearOptions(given.options) : { options: given.options };
    if ("unknown" in known) {
      leftOut.set(given.key, known.unknown);
      continue;
    }
    const key = { ...given, options: known.options };
    const old = kept.get(key.key);
    if (!old || (old.options.length > 0 && key.options.length === 0)) kept.set(key.key, key);
  }
  for (const key of kept.keys()) leftOut.delete(key);
  const notes: string[] = [];
  if (unusable > 0)
    notes.push(`${unusable} line(s) of authorized_keys hold no key the new system can use (DSA, certificates)`);
  if (leftOut.size > 0)
    notes.push(
      `${leftOut.size} key(s) of authorized_keys are left out, because dropbear does not know their options (${optionNames(leftOut)}): Rootfs has ssh: "openssh" for them`,
    );
  return { lines: [...kept.values()].map(lineOf), notes, leftOut };
}

const optionNames = (leftOut: KeptKeys["leftOut"]) => [...new Set([...leftOut.values()].flat())].sort().join(", ");

/** Whether one of `loginKeys` opens a shell with these lines. */
export function admits(lines: string[], loginKeys: string[]): boolean {
  const open = lines.map(parseKeyLine).filter((k): k is KeyLine => k !== undefined && !forced(k));
  return loginKeys.some((line) => open.some((k) => k.key === publicKeyOf(line)));
}
