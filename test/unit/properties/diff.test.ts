import { expect, test } from "vitest";
import { diffInputs } from "../../../provider/properties/diff.ts";
import { Archive, Asset, Secret, Unknown } from "../../../provider/properties/values.ts";

const rules = { replace: ["arch", "connection.host"], ignore: ["path"], ordered: ["args"] };
const file = (path: string, hash?: string) => new Asset({ path }, hash);

test.each([
  ["nothing", { packages: ["a"] }, { packages: ["a"] }, {}],
  ["order of a set", { packages: ["a", "b"] }, { packages: ["b", "a"] }, {}],
  ["order where it counts", { args: ["a", "b"] }, { args: ["b", "a"] }, { "args[0]": "update", "args[1]": "update" }],
  ["a member more", { packages: ["a", "c"] }, { packages: ["a", "b", "c"] }, { "packages[1]": "add" }],
  ["a member less", { packages: ["a", "b", "c"] }, { packages: ["a", "c"] }, { "packages[1]": "delete" }],
  ["another member", { packages: ["a", "nano"] }, { packages: ["a", "curl"] }, { "packages[1]": "update" }],
  ["an unknown member", { packages: ["a"] }, { packages: ["a", Unknown.value] }, { "packages[1]": "add" }],
  ["an unknown list", { packages: ["a"] }, { packages: Unknown.value }, { packages: "update" }],
  ["replacement", { arch: "x86_64" }, { arch: "aarch64" }, { arch: "update-replace" }],
  ["an unknown replacement", { arch: "x86_64" }, { arch: Unknown.value }, { arch: "update-replace" }],
  [
    "below a replacing property",
    { connection: { host: "a", port: 22 } },
    { connection: { host: "b" } },
    { "connection.host": "update-replace", "connection.port": "delete" },
  ],
  [
    "map keys",
    { files: { "/a": { mode: "0644" } } },
    { files: { "/a": { mode: "0600" }, "/b": {} } },
    { 'files["/a"].mode': "update" },
  ],
  ["a key more", { sysctl: { "a.b": "1" } }, { sysctl: { "a.b": "1", c: "2" } }, { "sysctl.c": "add" }],
  ["empty is absent", { files: {}, packages: [] }, { upgrade: null }, {}],
  ["a property more", {}, { upgrade: "1" }, { upgrade: "add" }],
  ["a secret", { p: new Secret("a") }, { p: new Secret("b") }, { p: "update" }],
  [
    "a secret object is one value",
    { c: new Secret({ a: 1, b: 1 }) },
    { c: new Secret({ a: 1, b: 2 }) },
    { c: "update" },
  ],
  ["only now marked secret", { p: "a" }, { p: new Secret("a") }, {}],
  ["an unknown secret", { p: new Secret("a") }, { p: new Secret(Unknown.value) }, { p: "update" }],
  ["an asset that moved", { f: file("/a", "h") }, { f: file("/b", "h") }, {}],
  ["an asset that changed", { f: file("/a", "h") }, { f: file("/a", "i") }, { f: "update" }],
  [
    "an archive that changed is one value",
    { f: { archive: new Archive({ path: "/a" }, "h") } },
    { f: { archive: new Archive({ path: "/a" }, "i") } },
    { "f.archive": "update" },
  ],
  ["an archive of nothing", {}, { f: new Archive({ assets: {} }) }, { f: "add" }],
  [
    "list of objects",
    { users: [{ name: "a", uid: 1 }] },
    { users: [{ name: "a", uid: 2 }, { name: "b" }] },
    { "users[0].uid": "update", "users[1]": "add" },
  ],
  ["another type", { p: ["a"] }, { p: "a" }, { p: "update" }],
  ["what is ignored", { path: "/a" }, { path: "/b" }, {}],
])("%s", (_name, olds, news, found) => expect(diffInputs(olds, news, rules)).toEqual(found));
