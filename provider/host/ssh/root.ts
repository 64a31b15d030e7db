/** How a login becomes root: asked once per connection, and what stands in the way. Pure. */
import { SshError } from "./errors.ts";
import type { NotRoot, RootWay } from "./types.ts";

/** A sh script, run as the login. It tries the kind of command used later: rights may cover only some commands. */
export const PROBE = `uid=$(id -u)
way=none sudo= doas=
try() { LC_ALL=C "$@" -n sh -c 'test "$(id -u)" = 0' 2>&1 </dev/null; }
if [ "$uid" = 0 ]; then way=root
elif command -v sudo >/dev/null 2>&1 && sudo=$(try sudo); then way=sudo
elif command -v doas >/dev/null 2>&1 && doas=$(try doas); then way=doas
fi
set -- $(sed 's/.*) //' /proc/1/stat 2>/dev/null)
printf 'pine-login %s %s %s\\n' "$uid" "$way" "$(cat /proc/sys/kernel/random/boot_id).\${20:-}"
for tool in sudo doas; do
  command -v $tool >/dev/null 2>&1 || continue
  eval "said=\\$$tool"
  printf 'pine-%s %s\\n' $tool "$(printf %s "$said" | tr '\\n' ' ')"
done`;

export interface Probe {
  uid: number;
  way: RootWay;
  bootId: string;
  /** What sudo said against it; undefined: there is no sudo, or it was not asked. */
  sudo?: string;
  doas?: string;
}

/**
 * Whether two boot ids are of one boot. An id is the kernel's, a dot, and when the first process started, which tells a
 * container's restarts apart. A login that may not see that (hidepid) gets nothing after the dot.
 */
export function sameBoot(a: string, b: string): boolean {
  const [[kernelA, startA], [kernelB, startB]] = [a.split("."), b.split(".")];
  return kernelA === kernelB && (!startA || !startB || startA === startB);
}

/** Finds what {@link PROBE} printed among what a login's start files print; undefined when it did not run. */
export function parseProbe(stdout: string): Probe | undefined {
  const m = /^pine-login (\d+) (root|sudo|doas|none) (\S*)$/m.exec(stdout);
  if (!m) return undefined;
  const said = (tool: string) => new RegExp(`^pine-${tool} (.*)$`, "m").exec(stdout)?.[1]?.trim();
  return { uid: Number(m[1]), way: m[2] as RootWay, bootId: m[3]!, sudo: said("sudo"), doas: said("doas") };
}

/** Whether sudo wants a password: sudo's words, and those of sudo-rs. */
export const wantsPassword = (said: string | undefined) =>
  said !== undefined && /password is required|authentication is required/i.test(said);

const AS_ROOT = "as root there";
const rule = (user: string) => `echo '${user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pine ${AS_ROOT}`;

/** The reason that a login is not root, and what to do. `asked`: sudo was given connection.password and took it. */
export function whyNotRoot(user: string, p: Pick<Probe, "sudo" | "doas">, asked = false): NotRoot {
  const who = `user ${user} may not become root`;
  const { sudo, doas } = p;
  if (sudo && /must have a tty|no tty present/i.test(sudo) && !/password/i.test(sudo))
    return {
      message: `${who}: sudo there wants a terminal (requiretty)`,
      hint: `echo 'Defaults:${user} !requiretty' >/etc/sudoers.d/pine-tty ${AS_ROOT}, or log in as root`,
    };
  // only after the password sudo says that a user has no rights
  if (sudo && /not in the sudoers|not allowed to|may not run/i.test(sudo)) {
    const none = /not in the sudoers|may not run sudo/i.test(sudo);
    return {
      message: `${who}: ${none ? "sudo does not know that user (it is not in sudoers)" : "sudo allows that user only some commands, not sh"}`,
      hint: `log in as root, or allow it: ${rule(user)}`,
    };
  }
  if (doas && /authori[sz]ation required|authentication required/i.test(doas))
    return {
      message: `${who} without a password: doas asks for one, and reads it only from a terminal`,
      hint: `let it ask for none: permit nopass ${user} in /etc/doas.conf; or use sudo, or log in as root`,
    };
  if (wantsPassword(sudo) && !asked)
    return {
      message: `${who} without a password: sudo asks for one`,
      hint: `set connection.password to that user's password, or let sudo ask for none: ${rule(user)}; or log in as root`,
    };
  if (sudo === undefined && doas === undefined)
    return {
      message: `${who}: neither sudo nor doas is there`,
      hint: "log in as root, or install sudo and give the user its rights",
    };
  const said = sudo || doas;
  return { message: `${who}${said ? `: ${said}` : ""}`, hint: `log in as root, or let it use sudo: ${rule(user)}` };
}

/** The error when sudo refused connection.password; nobody repeats the attempt. */
export function wrongPassword(user: string, target: string, said: string): SshError {
  const locked = /locked/i.test(said) ? ` (${said})` : "";
  return new SshError(
    "sudo",
    `sudo on ${target} refused connection.password as the password of user ${user}${locked}`,
    {
      hint: "set connection.password to the password of that user (not root's); it was tried once and is not tried again",
    },
  );
}
