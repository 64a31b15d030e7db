import { expect, test } from "vitest";
import {
  Archive,
  Asset,
  equalValues,
  hasSecret,
  hasUnknown,
  plain,
  Secret,
  secretStrings,
  Unknown,
} from "../../../provider/properties/values.ts";

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

test("what is in an archive counts", () => {
  const of = (x: unknown, hash?: string) =>
    new Archive({ assets: { a: new Archive({ assets: { b: x as Asset } }) } }, hash);
  const [one, two] = [new Asset({ text: "one" }), new Asset({ text: "two" })];
  expect([hasUnknown(of(Unknown.value)), hasUnknown({ x: of(one) }), hasUnknown(new Archive({ path: "/" }))]).toEqual([
    true,
    false,
    false,
  ]);
  expect([hasSecret(of(new Secret(one))), hasSecret(of(one))]).toEqual([true, false]);
  expect(plain({ x: of(new Secret(one), "h") })).toEqual({ x: of(one, "h") });
  expect(secretStrings([of(new Secret(one)), of(two)])).toEqual(["one"]);
  expect(secretStrings(new Secret(of(two)))).toEqual(["two"]);
  expect([
    equalValues(of(one), of(new Asset({ text: "one" }))),
    equalValues(of(one), of(two)),
    equalValues(of(one, "h"), of(two, "h")),
    equalValues(of(one, "h"), of(one, "i")),
    equalValues(of(Unknown.value), of(Unknown.value)),
    equalValues(new Archive({ path: "/a" }), new Archive({ path: "/b" })),
    equalValues(new Archive({ path: "/a" }, "h"), new Asset({ path: "/a" }, "h")),
  ]).toEqual([true, false, true, false, false, false, false]);
});
