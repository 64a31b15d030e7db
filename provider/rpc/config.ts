/**
 * The provider's configuration: `pine:store`, `pine:cache`, `pine:mirror`, `pine:fallbackMirrors`, `pine:credentials`,
 * `pine:release`, `pine:repositoryKeys`.
 */
import { createPublicKey } from "node:crypto";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { asset, assetText } from "../assets.ts";
import { die } from "../errors.ts";
import { authorize, hasCredentials, keepCredentials } from "../local/credentials.ts";
import { list, map, text } from "../properties/check.ts";
import type { CheckFailure } from "../properties/failure.ts";
import { releasePattern } from "../properties/patterns.ts";
import { type Checked, checkProps } from "../properties/rule.ts";
import { type Props, plain, Secret, Unknown, type Value } from "../properties/values.ts";
import { withoutUserinfo } from "../redact.ts";
import type { Config } from "../resource.ts";
import { decode } from "./codec.ts";

export const MIRROR = "https://dl-cdn.alpinelinux.org/alpine";
export const RELEASE = "v3.23";

/** Properties that the engine itself adds to a provider's inputs. */
const ENGINES_OWN = new Set(["version", "pluginDownloadURL", "pluginChecksums", "parameterization", "__internal"]);

export const shape = {
  store: text({ expected: 'a folder, such as ".pine"' }),
  cache: text({ expected: 'a folder, such as "~/.cache/pine"' }),
  mirror: text({ expected: `an http or https address, such as "${MIRROR}"`, verify: checkMirror }),
  fallbackMirrors: list(text({ expected: `an http or https address, such as "${MIRROR}"`, verify: checkMirror }), {
    verify: (all) => (new Set(all).size < all.length ? "expected each mirror once" : undefined),
  }),
  credentials: map(text({ expected: '"USER:PASSWORD"', pattern: /^[^:]+:[\s\S]+$/ }), {
    secret: true,
    keys: {
      pattern: /^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/,
      expected: 'the address they are for, such as "https://pkgs.example.org/own"',
    },
    verify: (all) =>
      Object.keys(all).every((address) => URL.canParse(address)) ? undefined : "expected addresses as keys",
  }),
  release: text({ pattern: releasePattern, expected: `an Alpine release, such as "${RELEASE}" or "edge"` }),
  repositoryKeys: map(text({ expected: "the text of a public key (PEM)", verify: checkKey }), {
    keys: {
      pattern: /^[\w@.+-]+\.rsa\.pub$/,
      expected: 'a file name as in the signature, such as "builder@example.org-5f3a.rsa.pub"',
    },
    verify: (keys) =>
      Object.keys(keys).length === 0 ? "expected at least one key; leave it out for Alpine's" : undefined,
  }),
};

function checkMirror(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.hostname !== "" && !/[\s?#\\]/.test(address)) return undefined;
  return `expected an http or https address, such as "${MIRROR}", got ${JSON.stringify(withoutUserinfo(address))}`;
}

function checkKey(pem: string): string | undefined {
  try {
    createPublicKey(pem);
    return undefined;
  } catch {
    return 'expected the text of a public key, beginning with "-----BEGIN PUBLIC KEY-----", not a path';
  }
}

/** Properties that are not strings. */
const NESTED = new Set(["repositoryKeys", "fallbackMirrors", "credentials"]);

/** Our own properties, with JSON parsed: several SDKs and `pulumi config` allow only strings at the top. */
function normal(news: Props): Props {
  const open = (v: Value): Value => {
    if (v instanceof Secret) return new Secret(open(v.value));
    if (typeof v !== "string") return v;
    try {
      return decode(JSON.parse(v));
    } catch {
      return v; // the check says what was expected
    }
  };
  const own = Object.entries(news).filter(([k]) => !ENGINES_OWN.has(k));
  return Object.fromEntries(own.map(([k, v]) => [k, NESTED.has(k) ? open(v) : v]));
}

export function checkConfig(news: Props): CheckFailure[] {
  return checkProps(normal(news), shape).failures;
}

/** The properties that the engine keeps: a password is always a secret in the state. */
export function keptConfig(news: Props): Props {
  const secret = (name: string, v: Value) =>
    name === "credentials" ||
    (name === "mirror" && typeof v === "string" && hasCredentials(v)) ||
    (name === "fallbackMirrors" &&
      [normal({ [name]: v })[name]].flat().some((m) => typeof m === "string" && m.includes("@")));
  const kept = (name: string, v: Value) =>
    v === undefined || v === null || v instanceof Secret || v instanceof Unknown || !secret(name, v)
      ? v
      : new Secret(v);
  return Object.fromEntries(Object.entries(news).map(([name, v]) => [name, kept(name, v)]));
}

/** Our own properties in a form for comparing, with JSON parsed. */
export function comparable(inputs: Props): Props {
  return checkProps(normal(inputs), shape).inputs;
}

/** The configuration with defaults. Relative folders start at `cwd`: the engine starts a plugin in the program's. */
export function configure(args: Props, cwd: string = process.cwd()): Config {
  const { inputs, failures } = checkProps(normal(args), shape);
  for (const f of failures) die(f.property ? `pine:${f.property}: ${f.reason}` : `pine:${f.reason}`);
  const given = plain(inputs) as Checked<typeof shape>;
  const folder = (path: string) => resolve(cwd, path.replace(/^~(?=\/|$)/, homedir()));
  // A relative XDG folder must be ignored (XDG base directory specification).
  const xdg = process.env.XDG_CACHE_HOME?.startsWith("/") ? process.env.XDG_CACHE_HOME : join(homedir(), ".cache");
  for (const [address, pair] of Object.entries(given.credentials ?? {})) authorize(address, pair);
  const bare = (address: string) => keepCredentials(address).replace(/\/+$/, "");
  const mirror = bare(given.mirror ?? MIRROR);
  return {
    store: folder(given.store ?? ".pine"),
    cache: folder(given.cache ?? join(xdg, "pine")),
    mirror,
    fallbackMirrors: (given.fallbackMirrors ?? []).map(bare).filter((other) => other !== mirror),
    release: given.release ?? RELEASE,
    keys: given.repositoryKeys ?? alpinesKeys(),
  };
}

function alpinesKeys(): Record<string, string> {
  const names = readdirSync(asset("keys")).filter((n) => n.endsWith(".rsa.pub"));
  return Object.fromEntries(names.sort().map((n) => [n, assetText("keys", n)]));
}
