/** The connections that Pine tries to a server, their order, and the host keys that it expects. Pure. */
import type { Connection } from "../../../host/ssh/connection.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { HijackState } from "./state.ts";

/** First root of the new system, by the same key and never by that user's password; then the old system's login. */
export function connectionsOf(connection: Connection): Connection[] {
  return (connection.user ?? "root") === "root" ? [connection] : [keyOfRoot(connection), connection];
}

const keyOfRoot = ({ password: _, ...keys }: Connection): Connection => ({ ...keys, user: "root" });

/**
 * The connections to a server that may run either system, in their order. Where Pine ran last, the key comes first, so
 * that Pine is not offered the old login's password. Where the old system is gone, there is only the key.
 */
export function loginsOf(connection: Connection, state: HijackState | undefined): Connection[] {
  if (!state?.booted) return connectionsOf(connection).reverse();
  const alone = state.oldSystemRemoved || state.plan?.method === "overwrite";
  const byKey = keyOfRoot(connection);
  return alone ? [byKey] : [byKey, connection];
}

/** The host keys that were seen first, where `acceptNewHostKey` took them. */
function firstKeys(connection: Connection, state: HijackState | undefined): { host?: string; proxy?: string } {
  const { proxy } = connection;
  if (!connection.acceptNewHostKey) return {};
  const before = state?.connection?.proxy;
  const same = proxy && before?.host === proxy.host && (before.port ?? 22) === (proxy.port ?? 22);
  return {
    host: connection.hostKey ? undefined : state?.hostKey,
    proxy: proxy?.hostKey ? undefined : (state?.proxyHostKey ?? (same ? before.hostKey : undefined)),
  };
}

/**
 * The connection, which from now on accepts only the host keys that were seen first. A `hostKey` of the program takes
 * precedence.
 */
export function pinned(connection: Connection, state: HijackState | undefined): Connection {
  const { host, proxy } = firstKeys(connection, state);
  return {
    ...connection,
    ...(host ? { hostKey: host } : {}),
    ...(connection.proxy && proxy ? { proxy: { ...connection.proxy, hostKey: proxy } } : {}),
  };
}

/** The connection, which accepts only the host keys that this operation has seen. */
export function keeping(connection: Connection, ssh: Pick<Ssh, "hostKeySeen" | "proxyKeySeen">): Connection {
  const { proxy } = connection;
  return {
    ...connection,
    hostKey: ssh.hostKeySeen,
    ...(proxy ? { proxy: { ...proxy, hostKey: ssh.proxyKeySeen ?? proxy.hostKey } } : {}),
  };
}

/**
 * `connection` of the outputs: root of the new system with its host key, as `@pulumi/command` takes it. It does not
 * hold the old login's password.
 */
export function outputConnection(given: Connection, state: HijackState): Connection {
  const { password: _, acceptNewHostKey: __, ...rest } = given;
  const proxyKey = firstKeys(given, state).proxy;
  return {
    ...rest,
    ...(rest.proxy && proxyKey ? { proxy: { ...rest.proxy, hostKey: proxyKey } } : {}),
    user: "root",
    hostKey: state.hostKey ?? rest.hostKey,
  };
}
