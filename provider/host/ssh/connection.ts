/**
 * How to reach a server. Field names are those of `@pulumi/command`'s remote ConnectionArgs, so one object serves both.
 */
export interface ProxyConnection {
  /** Name or address. */
  host: string;
  /** Default 22. */
  port?: number;
  /** Default "root". */
  user?: string;
  /** The user's password: for the login, after `privateKey`, and for sudo when that asks for it. */
  password?: string;
  /** Text of a private key (OpenSSH or PEM), not a path. Tried before the password. */
  privateKey?: string;
  /** Passphrase of `privateKey`. */
  privateKeyPassword?: string;
  /** Socket of an SSH agent; default $SSH_AUTH_SOCK. Not used when `privateKey` is given. */
  agentSocketPath?: string;
  /** Attempts to connect while waiting for the server; -1 no limit. Default 10. */
  dialErrorLimit?: number;
  /** Seconds for one attempt; 0 no limit. Default 15. */
  perDialTimeout?: number;
  /** Public host key, `ssh-ed25519 AAAA…`: only this key is accepted. */
  hostKey?: string;
}

export interface Connection extends ProxyConnection {
  /** A jump host with a login of its own. */
  proxy?: ProxyConnection;
  /**
   * Without `hostKey` and without an entry in known_hosts: take the key the server shows at the first connection, and
   * no other one later.
   */
  acceptNewHostKey?: boolean;
}
