/** Our Connection is `@pulumi/command`'s: one object serves both providers. tsc checks the types, this the schema. */
import type { types } from "@pulumi/command";
import type { Unwrap } from "@pulumi/pulumi";
import { expect, test } from "vitest";
import type { Connection, ProxyConnection } from "../../../../provider/host/ssh/connection.ts";
import schema from "../../../../provider/schema.json";

type Theirs = types.output.remote.Connection;
type TheirProxy = types.output.remote.ProxyConnection;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const holds = <_T extends true>() => {};

holds<Connection extends types.input.remote.ConnectionArgs ? true : false>();
holds<Theirs extends Connection ? true : false>();
holds<Unwrap<types.input.remote.ConnectionArgs> extends Connection ? true : false>();
// All fields optional in both: what fits could still lack a field, so names and types are compared.
holds<Same<Omit<Connection, "acceptNewHostKey">, Theirs>>();
holds<Same<keyof Connection, keyof Theirs | "acceptNewHostKey">>();
holds<Same<ProxyConnection, TheirProxy>>();
holds<Same<keyof ProxyConnection, keyof TheirProxy>>();

const proxy: Record<keyof ProxyConnection, "string" | "integer"> = {
  host: "string",
  port: "integer",
  user: "string",
  password: "string",
  privateKey: "string",
  privateKeyPassword: "string",
  agentSocketPath: "string",
  dialErrorLimit: "integer",
  perDialTimeout: "integer",
  hostKey: "string",
};
const connection: Record<keyof Connection, string | undefined> = {
  ...proxy,
  proxy: "#/types/pine:index:ProxyConnection",
  acceptNewHostKey: "boolean",
};

test.each([
  ["pine:index:ProxyConnection", proxy],
  ["pine:index:Connection", connection],
] as const)("the schema's %s has the same fields", (token, fields) => {
  const { properties, required } = schema.types[token] as {
    properties: Record<string, { type?: string; $ref?: string; secret?: boolean }>;
    required: string[];
  };
  expect(Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, v.type ?? v.$ref]))).toEqual(fields);
  expect(required).toEqual(["host"]);
  const secrets = Object.keys(properties).filter((k) => properties[k]!.secret);
  expect(secrets).toEqual(["password", "privateKey", "privateKeyPassword"]);
});
