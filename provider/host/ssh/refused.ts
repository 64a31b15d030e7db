/** Why a login was not let in: the server's reasons, and those of this side's ssh. Pure. */
import { type Failure, type Side, SshError, targetOf } from "./errors.ts";
import { loginHint } from "./login.ts";

/** The error when the server lets users in only later: its PAM says so before it closes the connection. */
export function notYet({ connection, log, stderr }: Failure): SshError | undefined {
  const said = /.*(System is booting up|System is going down|pam_nologin|not permitted to log in yet).*/i.exec(
    `${stderr}\n${log}`,
  )?.[0];
  if (!said) return undefined;
  const who = connection.proxy ? "the server or its jump host" : targetOf(connection);
  return new SshError("unreachable", `${who} lets nobody in yet: ${said.trim()}`, {
    hint: loginHint(said, connection.user ?? "root"),
  });
}

/** The error when this machine's ssh refused, not the server. */
export function ownSide({ connection: c, property, role, log }: Side): SshError | undefined {
  const target = targetOf(c);
  const [, what, offer] = /no matching ([a-z ]+) found\. Their offer: (\S+)/.exec(log) ?? [];
  if (what)
    return new SshError(
      "client",
      `this machine's ssh and the ${role} ${target} have no ${what} in common; it has ${offer}`,
      {
        hint: `bring the SSH server of the ${role} up to date, or allow ${offer} in this machine's crypto policy`,
      },
    );
  const sign = /^(?:sign_and_send_pubkey|Load key|.*: signing failed).*/m.exec(log)?.[0].trim();
  if (!sign) return undefined;
  const agent = /agent/.test(sign);
  return new SshError("login", `this machine's ssh could not use the key for the ${role} ${target}: ${sign}`, {
    hint: agent
      ? "check that the agent is unlocked and has the key (ssh-add -l), and that its use needs no confirmation"
      : `RSA keys are refused by some machines' crypto policy: use an ed25519 key as ${property}.privateKey`,
  });
}

/** The error when the server refused the login. `denied`: ssh's line that says so. */
export function loginRefused({ connection: c, property, role, log }: Side, denied: string): SshError {
  const target = targetOf(c);
  const user = c.user ?? "root";
  const methods = /\(([a-z,-]+)\)/.exec(denied)?.[1];
  const tried = [c.privateKey && "privateKey", c.password && "password"].filter(Boolean).map((x) => `${property}.${x}`);
  const what = tried.length ? tried.join(" and ") : "the agent's and this user's keys";
  const of = (message: string, hint: string) => {
    const error = new SshError("login", message, { hint });
    error.refusedBy = { role: role === "server" ? "host" : "proxy", methods: methods?.split(",") ?? [] };
    return error;
  };
  const known = loginHint(log, user);
  if (known) return of(`the ${role} ${target} does not let ${user} in`, known);
  // ssh logs this at LogLevel VERBOSE
  const factor = /Authenticated using "([a-z-]+)" with partial success/.exec(log)?.[1];
  if (factor)
    return of(
      `the ${role} ${target} took the ${factor === "publickey" ? "key" : factor} and wants a second factor after it${methods ? ` (${methods})` : ""}`,
      `let ${user} in by the key alone: in its sshd_config, Match User ${user} with AuthenticationMethods publickey`,
    );
  if (/Too many authentication failures/.test(log))
    return c.privateKey
      ? of(
          `the ${role} ${target} refused ${what} after few attempts`,
          `check ${property}.user and that its authorized_keys has the key; it allows very few attempts: raise MaxAuthTries in its sshd_config`,
        )
      : of(
          `the ${role} ${target} refused ${what}`,
          `the agent holds too many keys for the ${role}: set ${property}.privateKey`,
        );
  return of(
    `the ${role} ${target} refused ${what}`,
    `check ${property}.user and ${tried.length ? what : `set ${property}.privateKey`}${methods ? `; the ${role} accepts: ${methods}` : ""}`,
  );
}
