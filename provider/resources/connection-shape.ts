/** The accepted fields of a `connection`, for every resource that takes one. */
import { flag, integer, object, text } from "../properties/check.ts";

const endpoint = {
  host: text({ required: true, pattern: /^[A-Za-z0-9._:%-]+$/, expected: "a name or address" }),
  port: integer({ min: 1, max: 65535 }),
  user: text({ pattern: /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, expected: "a login name" }),
  password: text({ secret: true }),
  privateKey: text({ secret: true }),
  privateKeyPassword: text({ secret: true }),
  agentSocketPath: text(),
  dialErrorLimit: integer(),
  perDialTimeout: integer({ min: 0 }),
  hostKey: text({ pattern: /^(?!-----)\S.*\s*$/s, expected: 'a public key, "ssh-ed25519 AAAA…"' }),
};

export const connectionShape = { ...endpoint, proxy: object(endpoint), acceptNewHostKey: flag() };
export const connectionRule = object(connectionShape, { required: true });
