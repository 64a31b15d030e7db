import { expect, test } from "vitest";
import { Secret, secretStrings } from "../../provider/values.ts";

test("every secret string is found, and of a connection that is secret as a whole all but its address", () => {
  const connection = {
    host: "web-1.example.org",
    port: 22,
    user: "root",
    hostKey: "ssh-ed25519 AAAA",
    privateKey: "key",
  };
  const proxy = { host: "jump.example.org", user: "hop", password: "word" };
  expect(secretStrings({ a: "open", b: new Secret("one"), c: [new Secret({ d: "two" })] })).toEqual(["one", "two"]);
  expect(secretStrings({ connection: new Secret({ ...connection, proxy }) })).toEqual(["key", "word"]);
  expect(secretStrings({ connection: { ...connection, host: new Secret("hidden") } })).toEqual(["hidden"]);
});
