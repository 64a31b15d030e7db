import { homedir } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { checkConfig, comparable, configure, keptConfig } from "../../../provider/rpc/config.ts";
import { Secret, Unknown } from "../../../provider/values.ts";

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
  const wanted = {
    store: "/srv/store",
    cache: `${homedir()}/c`,
    mirror: "http://127.0.0.1:80/alpine",
    release: "edge",
    keys,
  };
  for (const k of [keys, JSON.stringify(keys), new Secret(JSON.stringify(keys))])
    expect(configure({ ...given, keys: k, version: "1.0.0", __internal: {} }, "/srv/program")).toEqual(wanted);
});

test("a mirror's password is taken when it is secret, and is in nothing that resources see", () => {
  const mirror = new Secret("https://ann:canary@m.example/alpine/");
  expect(checkConfig({ mirror })).toEqual([]);
  expect(configure({ mirror }).mirror).toBe("https://m.example/alpine");
  // chainguard-dev/apko#1139, pulumi-docker#643
  expect(keptConfig({ mirror: mirror.value, store: "x" })).toEqual({ mirror, store: "x" });
  expect(keptConfig({ mirror: "http://m.example" })).toEqual({ mirror: "http://m.example" });
  for (const bad of [
    new Secret("https://ann:canary@m.example/alpine?x"),
    "ftp://ann:canary@m.example",
    "https://ann:canary@m.example/a b?",
  ])
    expect(JSON.stringify(checkConfig({ mirror: bad }))).not.toMatch(/canary/);
});

test.each([
  [{ mirror: "dl-cdn.alpinelinux.org/alpine" }, "mirror", /^expected an http or https address, .*, got "dl-cdn/],
  [{ mirror: "file:///srv" }, "mirror", /^expected an http or https address/],
  [{ release: "3.23" }, "release", /^expected an Alpine release, such as "v3\.23" or "edge", got "3\.23"$/],
  [{ store: "" }, "store", /^expected a folder, such as "\.pine", got ""$/],
  [{ keys: "/etc/apk/keys" }, "keys", /^expected an object \(a map\), got "\/etc\/apk\/keys"$/],
  [{ keys: {} }, "keys", /^expected at least one key; leave it out for Alpine's$/],
  [{ keys: { "a.rsa.pub": "/etc/a" } }, 'keys["a.rsa.pub"]', /^expected the text of a public key, .* not a path$/],
  [{ keys: { "a/b": pem } }, "", /^keys\["a\/b"\]: the key: expected a file name as in the signature/],
  [{ miror: "x" }, "", /^miror: there is no such property; did you mean mirror\?$/],
])("%j fails once, clearly", (news, property, reason) => {
  expect(checkConfig(news)).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  expect(() => configure(news)).toThrow(/^pine:/);
});

test("unknown values pass the check, and compare by what they hold", () => {
  expect(checkConfig({ store: Unknown.value, keys: Unknown.value })).toEqual([]);
  expect(comparable({ keys: "{}", version: "1" })).toEqual({ keys: {} });
});
