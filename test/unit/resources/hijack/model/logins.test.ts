/** Which connections are tried, by which host keys, and what of them the outputs hold. */
import { expect, test } from "vitest";
import type { Connection } from "../../../../../provider/host/ssh/connection.ts";
import { plain } from "../../../../../provider/properties/values.ts";
import { connectionsOf, keeping, loginsOf, pinned } from "../../../../../provider/resources/hijack/model/logins.ts";
import { outputs } from "../../../../../provider/resources/hijack/model/outputs.ts";
import type { HijackState } from "../../../../../provider/resources/hijack/model/state.ts";

const KEY = "ssh-ed25519 AAAAfirst";
const given: Connection = { host: "203.0.113.7", user: "ann", password: "canary", privateKey: "key" };
const byKey = { host: "203.0.113.7", user: "root", privateKey: "key" };
const booted = { checksum: "c", deployment: "c.0", slot: "a", bootId: "b" };
const state: HijackState = { installationId: "i", hostKey: KEY, booted };

test("what may be the old system is entered by its login first; what is known to be Pine by the key", () => {
  expect(loginsOf(given, undefined)).toEqual([given, byKey]);
  expect(loginsOf(given, { ...state, booted: undefined })).toEqual([given, byKey]);
  expect(loginsOf(given, state)).toEqual([byKey, given]);
  const root = { ...given, user: undefined };
  expect(loginsOf(root, state)[0]).toEqual(byKey);
});
test("where no old system is left, its password is not tried at all", () => {
  expect(loginsOf(given, { ...state, oldSystemRemoved: true })).toEqual([byKey]);
  expect(loginsOf(given, { ...state, plan: { method: "overwrite" } })).toEqual([byKey]);
});
test("while a server reboots, root by the key comes first", () => expect(connectionsOf(given)).toEqual([byKey, given]));

const proxy = { host: "198.51.100.1", user: "jump", password: "canary of the jump host" };
test("acceptNewHostKey: the keys seen first are pinned, by way of the state, for server and jump host", () => {
  const c = { ...given, acceptNewHostKey: true, proxy };
  expect(pinned(c, undefined)).toEqual(c);
  const seen = outputs({ connection: c }, { ...state, proxyHostKey: "ssh-ed25519 AAAAjump" });
  expect(seen.hostKey).toBe(KEY);
  expect(seen).not.toHaveProperty("proxyHostKey");
  const next = plain(seen) as HijackState;
  const held = { ...c, hostKey: KEY, proxy: { ...proxy, hostKey: "ssh-ed25519 AAAAjump" } };
  expect(pinned(c, next)).toEqual(held);
  // through an operation that does not connect
  expect(pinned(c, plain(outputs({ connection: c }, next)) as HijackState)).toEqual(held);
  // another jump host is another first connection
  expect(pinned({ ...c, proxy: { ...proxy, host: "198.51.100.2" } }, next).proxy).not.toHaveProperty("hostKey");
  // what the program names counts more
  expect(pinned({ ...c, hostKey: "ssh-ed25519 AAAAnew" }, next).hostKey).toBe("ssh-ed25519 AAAAnew");
  // known_hosts decides where nothing was asked for
  expect(pinned(given, next)).toEqual(given);
});
test("within an operation both keys are held", () =>
  expect(keeping({ ...given, proxy }, { hostKeySeen: KEY, proxyKeySeen: "ssh-ed25519 AAAAjump" })).toEqual({
    ...given,
    hostKey: KEY,
    proxy: { ...proxy, hostKey: "ssh-ed25519 AAAAjump" },
  }));
test("output `connection` is root by the key, with the host key and without the old login's password", () => {
  const out = plain(outputs({ connection: { ...given, acceptNewHostKey: true } }, state)) as HijackState;
  expect(out.connection).toEqual({ ...byKey, hostKey: KEY });
  expect(JSON.stringify(out)).not.toContain("canary");
});
