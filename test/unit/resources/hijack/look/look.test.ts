import { expect, test } from "vitest";
import { connectionsOf } from "../../../../../provider/resources/hijack/model/logins.ts";

test("the new system is entered as root by the key; the user's password is not tried there", () => {
  const given = { host: "203.0.113.7", user: "ann", password: "canary", privateKey: "key" };
  expect(connectionsOf(given)).toEqual([{ host: "203.0.113.7", user: "root", privateKey: "key" }, given]);
  const root = { host: "203.0.113.7", password: "canary", privateKey: "key" };
  expect(connectionsOf(root)).toEqual([root]);
});
