/** What a login says instead of running our script, and what to do about it. Pure. */
import { shorten } from "../../redact.ts";
import { SshError } from "./errors.ts";

/** What servers say, and what helps. `$user` stands for the login's name. */
const CASES: [RegExp, string][] = [
  [
    /password change required|password (has )?expired|required to change your password/i,
    "the password of $user has expired: log in once and change it, or make it never expire (as root there: chage -M -1 $user; passwd $user)",
  ],
  [/account (has )?expired/i, "the account of $user has expired: as root there, chage -E -1 $user"],
  [
    /account is (currently )?not available|\bnologin\b/i,
    "$user has no login shell there: set connection.user to a user that has one, or give it one (as root there: usermod -s /bin/sh $user)",
  ],
  [
    /no space left on device|disk quota exceeded/i,
    "the server's disk, or the quota of $user, is full: free some space there",
  ],
  [
    /system is booting up|system is going down|not permitted to log in yet|pam_nologin/i,
    "the server is starting or shutting down: wait until it lets users in (or remove /run/nologin there), and try again",
  ],
  [
    /\brestricted\b|rbash/i,
    "$user has a restricted shell: set connection.user to a user with a POSIX shell, or give it one (usermod -s /bin/sh $user)",
  ],
];

/** The hint for what a server says of a login; undefined: not known. */
export function loginHint(said: string, user: string): string | undefined {
  const other = /login as the user "?([A-Za-z0-9_.-]+)"? rather than/.exec(said)?.[1];
  if (other) return `set connection.user to "${other}"`;
  return CASES.find(([pattern]) => pattern.test(said))?.[1].replaceAll("$user", user);
}

/** The error for a login that did not run our script. */
export function noShell(target: string, user: string, r: { said: string; exitCode: number }): SshError {
  const said = shorten(r.said.split("\n").slice(0, 3).join(" "), 300);
  const hint =
    loginHint(r.said, user) ??
    `use a login with a shell and no forced command (check there what ${user} has: a shell in /etc/passwd, command= before its key, ForceCommand)`;
  return new SshError("shell", `the login ${target} gives no shell: ${said || `exit code ${r.exitCode}`}`, { hint });
}

/** The error for a server that refused a session on an open connection; undefined: it is something else. */
export function noSession(target: string, stderr: string): SshError | undefined {
  if (!/mux_client_request_session|session open refused/i.test(stderr)) return undefined;
  return new SshError(
    "sessions",
    `${target} refuses a second session on one connection, and Pine needs two at a time`,
    {
      hint: "set MaxSessions to 2 or more in its sshd_config (the default is 10), and reload sshd",
    },
  );
}
