import { describe, expect, test } from "vitest";
import { asset, flag, integer, list, map, object, text } from "../../../provider/properties/check.ts";
import { pathOf, splitPath, topOf } from "../../../provider/properties/path.ts";
import { type Checked, checkProps } from "../../../provider/properties/rule.ts";
import { Asset, Secret, Unknown } from "../../../provider/properties/values.ts";

const shape = {
  arch: text({ enum: ["x86_64", "aarch64"], default: "x86_64" }),
  packages: list(text({ pattern: /^[a-z][\w.~<>=-]*$/, expected: 'a package name such as "restic~0.18"' }), {
    required: true,
  }),
  services: map(list(text()), { keys: { pattern: /^[a-z]+$/, expected: 'a runlevel such as "default"' } }),
  connection: object({
    host: text({ required: true }),
    port: integer({ min: 1, max: 65535, default: 22 }),
    password: text({ secret: true }),
  }),
  files: map(object({ content: text({ empty: true }), source: asset() }, { exactlyOne: ["content", "source"] })),
  erase: flag(),
  size: integer({ verify: (n) => (n % 4 ? "expected a multiple of 4" : undefined), hint: "round it up" }),
};
const check = (news: Record<string, unknown>) => checkProps({ packages: ["curl"], ...news }, shape);
const failures = (news: Record<string, unknown>) => check(news).failures;

describe("what passes", () => {
  test("defaults are filled in, null is absent, wrappers stay", () => {
    const secret = new Secret(["curl"]);
    expect(check({ packages: secret, services: null, connection: { host: "h", password: new Secret("s") } })).toEqual({
      inputs: { arch: "x86_64", packages: secret, connection: { host: "h", port: 22, password: new Secret("s") } },
      failures: [],
    });
  });
  test("a plain secret comes back wrapped, a list's default is a copy", () => {
    expect(check({ connection: { host: "h", password: "s" } }).inputs.connection.password).toEqual(new Secret("s"));
    const with_ = { p: list(text(), { default: ["a"] }) };
    const first = checkProps({}, with_).inputs;
    first.p.push("b");
    expect(checkProps({}, with_).inputs.p).toEqual(["a"]);
  });
  test.each([
    ["all of it", { packages: Unknown.value, arch: Unknown.value, connection: Unknown.value }],
    ["an element", { packages: ["curl", Unknown.value] }],
    ["within a secret", { connection: new Secret({ host: Unknown.value, password: Unknown.value }) }],
    ["what verify would refuse", { size: Unknown.value }],
  ])("unknown: %s", (_name, news) => expect(failures(news)).toEqual([]));
  test("strings stand for numbers and booleans", () => {
    expect(check({ size: "8", erase: "true" }).inputs).toMatchObject({ size: 8, erase: true });
  });
});

describe("what fails", () => {
  test.each([
    [{ arch: "arm" }, "arch", 'expected one of x86_64, aarch64, got "arm"'],
    [{ arch: "x86-64" }, "arch", 'expected one of x86_64, aarch64, got "x86-64"; did you mean x86_64?'],
    [{ packages: undefined }, "packages", "is missing: give a list"],
    [{ packages: ["curl", "a b"] }, "packages[1]", 'expected a package name such as "restic~0.18", got "a b"'],
    [{ packages: ["curl", null] }, "packages[1]", 'is missing: give a package name such as "restic~0.18"'],
    [{ packages: "curl" }, "packages", 'expected a list, got "curl"'],
    [{ packages: [3.2] }, "packages[0]", 'expected a package name such as "restic~0.18", got 3.2; put it in quotes'],
    [{ pakages: [] }, "", "pakages: there is no such property; did you mean packages?"],
    [
      { connection: { host: "h", pasword: "hunter2" } },
      "",
      "connection.pasword: there is no such property; did you mean password?",
    ],
    [{ services: { Default: [] } }, "", 'services.Default: the key: expected a runlevel such as "default"'],
    [{ connection: {} }, "connection.host", "is missing: give a string"],
    [{ connection: { host: "" } }, "connection.host", 'expected a string that is not empty, got ""'],
    [
      { connection: { host: "h", port: 70000 } },
      "connection.port",
      "expected a whole number from 1 to 65535, got 70000",
    ],
    [{ files: { "/etc/motd": {} } }, 'files["/etc/motd"]', "expected exactly one of content, source"],
    [
      { files: { x: { content: "", source: new Asset({ text: "" }) } } },
      "files.x",
      "expected exactly one of content, source, got content and source",
    ],
    [
      { files: { x: { source: "Caddyfile" } } },
      "files.x.source",
      'expected an asset (a StringAsset, FileAsset or RemoteAsset), got "Caddyfile"',
    ],
    [{ erase: "yes" }, "erase", 'expected true or false, got "yes"'],
    [{ size: 6 }, "size", "expected a multiple of 4; round it up"],
  ])("%j", (news, property, reason) => expect(failures(news)).toMatchObject([{ property, reason }]));

  test("a secret's value is in no failure, wrapped or by its rule", () => {
    const all = [
      ...failures({ packages: new Secret(["CANARY one"]) }),
      ...failures({ connection: { host: "h", password: ["CANARY"] } }),
      ...failures({ connection: new Secret({ host: ["CANARY"], port: "CANARY" }) }),
      ...failures({ arch: new Secret("CANARY") }),
      ...failures({ CANARYkey: "CANARYvalue" }),
    ];
    expect(all).toHaveLength(6);
    expect(all.map((f) => f.property)).toEqual(["", "", "", "", "", ""]);
    expect(
      all
        .slice(0, 5)
        .map((f) => f.reason)
        .join(),
    ).not.toContain("CANARY");
    expect(all.map((f) => f.reason).join()).not.toContain("CANARYvalue");
    expect(all[0]!.reason).toContain("packages[0]: expected a package name");
  });
  test("everything wrong is said at once", () => {
    expect(failures({ arch: "x", packages: ["?", "!"], size: {} })).toHaveLength(4);
  });
});

test("inferred types", () => {
  const inputs: Checked<typeof shape> = { arch: "x86_64", packages: ["curl"], connection: { host: "h", port: 22 } };
  // @ts-expect-error not of the enum
  inputs.arch = "arm";
  // @ts-expect-error optional
  const n: number = inputs.size;
  expect(n).toBeUndefined();
});

test("paths", () => {
  expect(pathOf("files", "/etc/motd")).toBe('files["/etc/motd"]');
  expect(pathOf("sysctl", "net.ipv4.ip_forward")).toBe('sysctl["net.ipv4.ip_forward"]');
  expect(splitPath('a[0].b["/x \\"y\\".z"].c')).toEqual(["a", 0, "b", '/x "y".z', "c"]);
  expect(topOf('files["/etc"].mode')).toBe("files");
});
