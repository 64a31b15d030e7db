/** Errors of a connection, and how OpenSSH's messages become one of them. Pure. */
import { lastLines } from "../../redact.ts";
import { type Failure, fingerprint, type Side, SshError, targetOf } from "./errors.ts";
import { loginRefused, notYet, ownSide } from "./refused.ts";

/** Says where a pinned key comes from when the program does not name it (resources/hijack/model/logins.ts). */
const first = (accepts: boolean | undefined) => (accepts ? " (seen at the first connection)" : "");

const describe = (key: string) => `${key.split(" ")[0]} ${fingerprint(key)}`;

/** The one error for a connection that could not be opened. */
export function classify(failure: Failure): SshError {
  const clean = (text: string) => text.replaceAll("\r", "");
  const f = { ...failure, log: clean(failure.log), stderr: clean(failure.stderr) };
  const { proxy, acceptNewHostKey: accepts } = f.connection;
  const early = notYet(f);
  if (early) return early;
  if (proxy) {
    const jump = about({
      connection: proxy,
      property: "connection.proxy",
      role: "jump host",
      log: f.stderr,
      shown: f.shown.proxy,
      accepts,
    });
    if (jump) return jump;
    const forward = /open failed: (.*)/.exec(f.stderr)?.[1];
    if (forward && /prohibited/.test(forward))
      return new SshError("unreachable", `the jump host ${targetOf(proxy)} does not forward connections`, {
        hint: "allow AllowTcpForwarding there, or use another connection.proxy",
      });
    if (forward)
      return new SshError(
        "unreachable",
        `${targetOf(f.connection)} cannot be reached from the jump host ${targetOf(proxy)}: ${forward}`,
        { hint: "check connection.host and connection.port, as the jump host sees them" },
      );
  }
  const own = about({
    connection: f.connection,
    property: "connection",
    role: "server",
    log: f.log,
    shown: f.shown.host,
    accepts,
  });
  if (own) return own;
  const text = lastLines(f.log.trim() || f.stderr.trim(), 3).replaceAll("\n", "; ");
  if (/bad configuration option|unsupported option|keyword .* extra arguments/i.test(f.log + f.stderr))
    return new SshError("client", `this machine's ssh does not understand its configuration: ${text}`, {
      hint: "OpenSSH 8.5 or newer is needed",
    });
  return new SshError("client", `ssh to ${targetOf(f.connection)} failed: ${text || "no message"}`);
}

function about(side: Side): SshError | undefined {
  const { connection: c, property, role, log, shown, accepts } = side;
  const target = targetOf(c);
  const last = (pattern: RegExp) =>
    log
      .split("\n")
      .filter((l) => pattern.test(l))
      .pop()
      ?.trim();
  if (/Host key for .* has changed|REMOTE HOST IDENTIFICATION HAS CHANGED/.test(log)) return wrongHostKey(side);
  const offer = /no matching host key type found\. Their offer: (\S+)/.exec(log)?.[1];
  if (offer && c.hostKey)
    return new SshError(
      "host-key",
      `wrong host key: the ${role} ${target} has no ${c.hostKey.split(" ")[0]} key, only ${offer}; expected ${describe(c.hostKey)}${first(accepts)}; no credential was sent`,
      { hint: `set ${property}.hostKey to the key the ${role} has` },
    );
  if (/host key is known for|Host key verification failed/.test(log)) {
    const key = shown ? ` and shows ${describe(shown)}` : "";
    const set = shown ? `set ${property}.hostKey: "${shown}"` : `set ${property}.hostKey`;
    const accept = property === "connection" && accepts === undefined ? ", or connection.acceptNewHostKey: true" : "";
    return new SshError("no-host-key", `the host key of the ${role} ${target} is not known here${key}`, {
      hint: `${set} (compare it with /etc/ssh/ssh_host_*_key.pub on the server's console)${accept}`,
    });
  }
  const own = ownSide(side);
  if (own) return own;
  const denied = last(/Permission denied|Too many authentication failures|No supported authentication methods/);
  if (denied) return loginRefused(side, denied);
  const name = last(/Could not resolve hostname/);
  if (name)
    return new SshError("unreachable", `the name ${c.host} of the ${role} cannot be resolved`, {
      hint: `check ${property}.host`,
    });
  const reach =
    last(/^ssh: connect to host .*: (.*)$/)?.replace(/^.*: /, "") ??
    last(/timed out|Connection (closed|reset) by|kex_exchange_identification|banner|not responding|Broken pipe/i);
  if (!reach) return undefined;
  if (/kex_exchange_identification|MaxStartups|Not allowed at this time/.test(log) && !/UNKNOWN port/.test(log))
    return new SshError("unreachable", `the ${role} ${target} closes the connection at once: ${reach}`, {
      hint: `it may have too many logins under way (MaxStartups in its sshd_config), block this address for a while (fail2ban, PerSourcePenalties, hosts.deny), or be no SSH server: check ${property}.port, wait and try again`,
    });
  return new SshError("unreachable", `the ${role} ${target} cannot be reached: ${reach}`, {
    hint: `check ${property}.host and ${property}.port, that the server is up, and that no firewall blocks it`,
  });
}

function wrongHostKey({ connection: c, property, role, shown, log, accepts }: Side) {
  const seen = shown ? describe(shown) : (/SHA256:[A-Za-z0-9+/]+/.exec(log)?.[0] ?? "another one");
  const file = /Offending \S+ key in (\S+):(\d+)/.exec(log);
  const expected = c.hostKey
    ? `${describe(c.hostKey)}${first(accepts)}`
    : file
      ? `the one in ${file[1]} line ${file[2]}`
      : "another one";
  const set = shown ? `${property}.hostKey: "${shown}"` : `${property}.hostKey`;
  return new SshError(
    "host-key",
    `wrong host key: the ${role} ${targetOf(c)} shows ${seen}, expected ${expected}; no credential was sent`,
    {
      hint: c.hostKey
        ? `if it was reinstalled on purpose, set ${set}; otherwise somebody may intercept the connection`
        : `if it was reinstalled on purpose, remove that line or set ${set}; otherwise somebody may intercept the connection`,
    },
  );
}
