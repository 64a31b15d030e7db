import { homedir } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { authorizationFor } from "../../../provider/local/credentials.ts";
import { diffInputs } from "../../../provider/properties/diff.ts";
import { Secret, Unknown } from "../../../provider/properties/values.ts";
import { checkConfig, comparable, configure, keptConfig } from "../../../provider/rpc/config.ts";

/** Alpine's key, any of them. */
const pem = Object.values(configure({}, "/").keys)[0]!;
afterEach(() => vi.unstubAllEnvs());

describe("defaults", () => {
  test("are these", () => {
    vi.stubEnv("XDG_CACHE_HOME", "");
    const { keys, ...rest } = configure({}, "/srv/program");
    expect(rest).toEqual({
      store: "/srv/program/.pine",
      cache: `${homedir()}/.cache/pine`,
      mirror: "https://dl-cdn.alpinelinux.org/alpine",
      fallbackMirrors: [],
      release: "v3.23",
    });
    expect(Object.keys(keys)).toHaveLength(5);
    for (const [name, text] of Object.entries(keys)) {
      expect(name).toMatch(/^alpine-devel@lists\.alpinelinux\.org-[0-9a-f]{8}\.rsa\.pub$/);
      expect(text).toMatch(/^-----BEGIN PUBLIC KEY-----\n[\s\S]+-----END PUBLIC KEY-----\n$/);
    }
  });
  test.each([
    ["/var/cache", "/var/cache/pine"],
    ["relative", `${homedir()}/.cache/pine`],
  ])("XDG_CACHE_HOME=%s", (value, cache) => {
    vi.stubEnv("XDG_CACHE_HOME", value);
    expect(configure({}).cache).toBe(cache);
  });
});

test("what is given: folders of the program or of home, a mirror without its last slashes, keys as object or JSON", () => {
  const keys = { "a@b-1.rsa.pub": pem };
  const given = { store: "../store", cache: "~/c", mirror: "http://127.0.0.1:80/alpine//", release: "edge" };
  // one that is the mirror itself is none
  const others = ["http://b.example/alpine/", "http://127.0.0.1:80/alpine"];
  const wanted = {
    store: "/srv/store",
    cache: `${homedir()}/c`,
    mirror: "http://127.0.0.1:80/alpine",
    fallbackMirrors: ["http://b.example/alpine"],
    release: "edge",
    keys,
  };
  for (const k of [keys, JSON.stringify(keys), new Secret(JSON.stringify(keys))])
    expect(
      configure(
        { ...given, repositoryKeys: k, fallbackMirrors: others, version: "1.0.0", __internal: {} },
        "/srv/program",
      ),
    ).toEqual(wanted);
});

test("a mirror's password is taken when it is secret, and is in nothing that resources see", () => {
  const mirror = new Secret("https://ann:canary@m.example/alpine/");
  expect(checkConfig({ mirror })).toEqual([]);
  expect(configure({ mirror }).mirror).toBe("https://m.example/alpine");
  // chainguard-dev/apko#1139, pulumi-docker#643
  expect(keptConfig({ mirror: mirror.value, store: "x" })).toEqual({ mirror, store: "x" });
  expect(keptConfig({ mirror: "http://m.example" })).toEqual({ mirror: "http://m.example" });
});

/** An @, a slash, a # in the password; letters that are missing or too many. */
const MALFORMED = [
  "https://ann:canary@m.example/alpine?x",
  "ftp://ann:canary@m.example",
  "https://ann:canary@m.example/a b?",
  "https://ann:cana/ry@m.example/alpine",
  "https://ann:cana#ry@m.example",
  "https://ann:cana ry@m.example/a?",
  "https//ann:canary@m.example",
  "ann:canary@m.example/alpine",
  "https:/ann:canary@m.example/?",
  "https://canary@m.example?",
];
test.each(MALFORMED)("%s is refused and not shown", (bad) => {
  for (const news of [{ mirror: bad }, { mirror: new Secret(bad) }, { fallbackMirrors: [bad] }, { release: bad }]) {
    const failures = checkConfig(news);
    expect(failures).toHaveLength(1);
    expect(JSON.stringify(failures)).not.toMatch(/cana|ry@/);
  }
});

test.each([
  ["https://ann:canary@m.example/alpine", "https://m.example/alpine"],
  ["https://ann:cana@ry@m.example/alpine/", "https://m.example/alpine"],
  ["https:///ann:canary@m.example/alpine", "https://m.example/alpine"],
  ["https:/ann:canary@m.example/", "https://m.example"],
  ["https://ann:can%ary@m.example:8443/alpine", "https://m.example:8443/alpine"],
])("however %s is written, nothing of it is in the mirror's name", (mirror, name) => {
  expect(checkConfig({ mirror })).toEqual([]);
  expect(configure({ mirror, fallbackMirrors: [mirror.replace("m.", "n.")] })).toMatchObject({
    mirror: name,
    fallbackMirrors: [name.replace("m.", "n.")],
  });
  expect(keptConfig({ mirror }).mirror).toBeInstanceOf(Secret);
  for (const list of [[mirror], JSON.stringify([mirror])])
    expect(keptConfig({ fallbackMirrors: list })).toEqual({ fallbackMirrors: new Secret(list) });
});

describe("credentials", () => {
  const given = { "https://pkgs.example/own": "bot:canary", "https://h.example": "ann:other" };
  test.each([[given], [JSON.stringify(given)], [new Secret(JSON.stringify(given))]])(
    "are sent below their address alone, and kept as secrets",
    (credentials) => {
      expect(checkConfig({ credentials })).toEqual([]);
      const kept = keptConfig({ credentials }).credentials;
      expect(kept).toBeInstanceOf(Secret);
      expect(JSON.stringify([configure({ credentials }), kept])).not.toMatch(/canary|other/);
      const sent = (url: string) => authorizationFor(new URL(url));
      expect(sent("https://pkgs.example/own/x86_64/a.apk")).toBe(`Basic ${btoa("bot:canary")}`);
      expect(sent("https://h.example/any/thing")).toBe(`Basic ${btoa("ann:other")}`);
      for (const url of [
        "https://pkgs.example/owner",
        "https://pkgs.example/",
        "http://pkgs.example/own",
        "https://pkgs.example:8443/own",
      ])
        expect(sent(url)).toBeUndefined();
    },
  );
  test("of the longest address count", () => {
    configure({
      credentials: { "https://t.example/a": "a:1", "https://t.example/a/b": "b:2" },
      mirror: "https://m:3@t.example",
    });
    const pairs = ["/a/x", "/a/b/x", "/c"].map((path) => authorizationFor(new URL(`https://t.example${path}`)));
    expect(pairs).toEqual(["a:1", "b:2", "m:3"].map((pair) => `Basic ${btoa(pair)}`));
  });
  test("compare by what they are", () => {
    const [one, two] = [
      comparable({ credentials: { "https://h.example": "a:1" } }),
      comparable({ credentials: { "https://h.example": "a:2" } }),
    ];
    expect(diffInputs(one, one)).toEqual({});
    expect(Object.keys(diffInputs(one, two))).toEqual(["credentials"]);
  });
  test.each([
    [{ "https://ann:canary@h.example": "canary:x" }, /the key: expected the address they are for/],
    [{ "h.example": "ann:canary" }, /the key: expected the address/],
    [{ "https://h.example": "canary" }, /expected "USER:PASSWORD"/],
    [{ "https://h.example:canary": "a:b" }, /expected addresses/],
    ["ann:canary", /expected an object/],
    [["ann:canary"], /expected an object/],
  ])("%j is refused and not shown", (credentials, why) => {
    const failures = checkConfig({ credentials });
    expect(failures).toHaveLength(1);
    expect(failures[0]!.reason).toMatch(why);
    expect(failures[0]!.property).toBe("");
    expect(JSON.stringify(failures)).not.toMatch(/canary/);
  });
});

test.each([
  [{ mirror: "dl-cdn.alpinelinux.org/alpine" }, "mirror", /^expected an http or https address, .*, got "dl-cdn/],
  [{ mirror: "file:///srv" }, "mirror", /^expected an http or https address/],
  [{ fallbackMirrors: ["http://b.example", "b.example"] }, "fallbackMirrors[1]", /^expected an http or https address/],
  [{ fallbackMirrors: '["http://b.example","http://b.example"]' }, "fallbackMirrors", /^expected each mirror once$/],
  [{ fallbackMirrors: "http://b.example" }, "fallbackMirrors", /^expected a list, got "http/],
  [{ release: "3.23" }, "release", /^expected an Alpine release, such as "v3\.23" or "edge", got "3\.23"$/],
  [{ store: "" }, "store", /^expected a folder, such as "\.pine", got ""$/],
  [{ repositoryKeys: "/etc/apk/keys" }, "repositoryKeys", /^expected an object \(a map\), got "\/etc\/apk\/keys"$/],
  [{ repositoryKeys: {} }, "repositoryKeys", /^expected at least one key; leave it out for Alpine's$/],
  [
    { repositoryKeys: { "a.rsa.pub": "/etc/a" } },
    'repositoryKeys["a.rsa.pub"]',
    /^expected the text of a public key, .* not a path$/,
  ],
  [
    { repositoryKeys: { "a/b": pem } },
    "",
    /^repositoryKeys\["a\/b"\]: the key: expected a file name as in the signature/,
  ],
  [{ miror: "x" }, "", /^miror: there is no such property; did you mean mirror\?$/],
])("%j fails once, clearly", (news, property, reason) => {
  expect(checkConfig(news)).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  expect(() => configure(news)).toThrow(/^pine:/);
});

test("a release that Rootfs takes is taken here", () => {
  for (const release of ["v3.23", "edge", "latest-stable"]) expect(checkConfig({ release })).toEqual([]);
});

test("unknown values pass the check, and compare by what they hold", () => {
  expect(checkConfig({ store: Unknown.value, repositoryKeys: Unknown.value })).toEqual([]);
  expect(comparable({ repositoryKeys: "{}", version: "1" })).toEqual({ repositoryKeys: {} });
});
