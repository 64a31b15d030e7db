/** What somebody changed in /etc of a server that runs Pine, against the commit that runs. Only paths are read. */
import { etcChangesScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

export interface EtcChange {
  /** "/etc/motd". */
  path: string;
  change: "changed" | "added" | "removed";
}

export interface EtcChanges {
  files: EtcChange[];
  /** How many more there are, which are not listed. */
  more: number;
  /** Paths of the program's files that are as the commit has them, too. */
  fixed: string[];
}

/** Lines that a server sends at most. */
const SENT = 2000;
/** Files that are told and kept in a state at most. */
const TOLD = 100;

/** What Pine and the system itself write in /etc, and why. Below /etc. */
const OWN: [paths: RegExp, why: string][] = [
  [/^host(name|s)$/, "the server's name"],
  [/^(network(\/interfaces)?|mactab|resolv\.conf)$/, "its network, as it was kept or as DHCP says it"],
  [/^dropbear(\/dropbear_[a-z0-9]+_host_key)?$/, "its host keys, which every deployment gets"],
  [/^ssh(\/ssh_host_[a-z0-9]+_key(\.pub)?)?$/, "the same of sshd"],
  [/^ssh\/sshd_config\.d\/40-pine-port\.conf$/, "the port that its connections come in by"],
  [/^adjtime$/, "hwclock writes it at each shutdown"],
  [/^machine-id$/, "dbus makes it at its first start"],
  [/^\.pwd\.lock$/, "passwd and the like leave it, empty"],
  [/(^|\/)\.pine[.-][^/]*(\/.*)?$/, "what a write of ours leaves that was cut off"],
];

const KINDS = { M: "changed", A: "added", D: "removed" } as const;

/** Whether a path of /etc is Pine's or the system's to write; `given`: paths of the program's files. Pure. */
export const isOwn = (path: string, given: readonly string[] = []): boolean =>
  given.includes(path) || OWN.some(([paths]) => paths.test(path.replace(/^\/etc\//, "")));

/** The script's lines, without what is not of a person's making. `given`: paths of the program's files. Pure. */
export function parseEtcChanges(text: string, given: readonly string[]): EtcChanges {
  const [first = "", ...rest] = text.trimEnd().split("\n");
  const lines = rest.filter((line) => /^[MAD] ./.test(line));
  const fixed = rest.flatMap((line) => (line.startsWith("= ") ? [`/etc/${line.slice(2)}`] : []));
  const total = Number(/^total=(\d+)$/.exec(first)?.[1] ?? 0);
  const all = lines.flatMap((line): EtcChange[] => {
    const [, kind, path] = /^([MAD]) (.+)$/.exec(line) ?? [];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a name may hold them
    return kind ? [{ path: `/etc/${path!.replace(/[\u0000-\u001f]/g, "?")}`, change: KINDS[kind as "M"] }] : [];
  });
  // a folder that was added is told by what is in it
  const within = (folder: string) => all.some(({ path }) => path.startsWith(`${folder}/`));
  const files = all.filter(({ path, change }) => !isOwn(path, given) && !(change === "added" && within(path)));
  const unsent = Math.max(0, total - lines.length);
  return { files: files.slice(0, TOLD), more: Math.max(0, files.length - TOLD) + unsent, fixed };
}

/** Asks the server. `given`: paths of the program's files, which are compared by themselves. */
export async function etcChanges(ssh: Ssh, given: readonly string[]): Promise<EtcChanges> {
  const more = { root: true, timeout: 120_000, what: "looking at what was changed in /etc" };
  const below = given.flatMap((path) => (path.startsWith("/etc/") ? [path.slice("/etc/".length)] : []));
  const { stdout } = await ssh.exec(etcChangesScript(), [String(SENT), ...below], more);
  return parseEtcChanges(stdout, given);
}

/** Up to ten names, and how many more there are. Pure. */
export function namesOf({ files, more = 0 }: { files: readonly Partial<EtcChange>[]; more?: number }): string {
  const names = files
    .slice(0, 10)
    .map(({ path, change }) => (!change || change === "changed" ? path : `${path} (${change})`));
  const rest = files.length - names.length + more;
  return `${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
