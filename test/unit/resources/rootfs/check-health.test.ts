/** Health checks of a Rootfs: bad ones are refused before anything is written, good ones become part of a recipe. */
import { describe, expect, it } from "vitest";
import { canonical } from "../../../../provider/local/hash.ts";
import { type Props, plain, Secret, Unknown } from "../../../../provider/properties/values.ts";
import type { Config } from "../../../../provider/resource.ts";
import { checkRootfs } from "../../../../provider/resources/rootfs/check.ts";
import { recipeBase } from "../../../../provider/resources/rootfs/recipe.ts";
import type { RootfsInputs } from "../../../../provider/resources/rootfs/shape.ts";

const config: Config = { store: "/nowhere", cache: "/nowhere", mirror: "http://m/alpine", release: "v3.23", keys: {} };
const web = { name: "web", http: "http://127.0.0.1/" };
const checks = (...healthChecks: Props[]): Props => ({ healthChecks });
type Row = [code: string, inputs: Props | (() => Props), says: RegExp];
/** Code, inputs, what the message says. */
const BAD: Row[] = [
  ["healthChecks.name.missing", checks({ http: "http://x/" }), /^healthChecks\[0\]\.name: is missing/],
  ["healthChecks.name.form", checks({ ...web, name: "Web" }), /at most 32 of a-z/],
  ["healthChecks.name.form", checks({ ...web, name: "a".repeat(33) }), /at most 32/],
  ["healthChecks.neither", checks({ name: "web" }), /exactly one of command, tcp, http, service, freeSpace/],
  ["healthChecks.both", checks({ ...web, tcp: "a:1" }), /got tcp and http/],
  ["healthChecks.twice", checks(web, web), /check web is there twice: give each a name of its own/],
  ["healthChecks.unknown", checks({ ...web, retries: 3 }), /healthChecks\[0\]\.retries: there is no such property/],
  ["healthChecks.status", checks({ name: "x", tcp: "a:1", status: 200 }), /status is of http alone/],
  ["healthChecks.contains", checks({ name: "x", command: "true", contains: "a" }), /contains is of http alone/],
  ["healthChecks.body", checks({ ...web, status: 404, contains: "a" }), /the body is not read/],
  ["healthChecks.contains.form", checks({ ...web, contains: "a\nb" }), /on one line/],
  ["healthChecks.http.form", checks({ name: "x", http: "ftp://x/" }), /a URL such as/],
  ["healthChecks.http.credentials", checks({ name: "x", http: "http://a:hunter2@x/" }), /without user and password/],
  ["healthChecks.tcp.form", checks({ name: "x", tcp: "5432" }), /"host:port"/],
  ["healthChecks.tcp.form", checks({ name: "x", tcp: "-e:5432" }), /"host:port"/],
  ["healthChecks.tcp.port", checks({ name: "x", tcp: "a:65536" }), /from 1 to 65535/],
  ["healthChecks.command.form", checks({ name: "x", command: "" }), /a command for \/bin\/sh/],
  ["healthChecks.service.form", checks({ name: "x", service: "a b" }), /the name of an OpenRC service/],
  [
    "healthChecks.service",
    checks(web, { name: "x", service: "caddy" }),
    /^healthChecks\[1\]\.service: no runlevel starts caddy: put it into `services`, or name one of .*dropbear/,
  ],
  ["healthChecks.freeSpace.path.form", checks({ name: "x", freeSpace: { path: "var", mib: 1 } }), /an absolute path/],
  ["healthChecks.freeSpace.mib.range", checks({ name: "x", freeSpace: { path: "/", mib: 0 } }), /from 1 to/],
  ["healthChecks.freeSpace.mib.missing", checks({ name: "x", freeSpace: { path: "/" } }), /is missing/],
  ["healthChecks.timeout.range", checks({ ...web, timeout: 121 }), /from 1 to 120/],
  [
    "healthChecks.long",
    checks({ ...web, timeout: 120 }, { ...web, name: "db", timeout: 120 }),
    /may need 578 s: 60 s to boot, all checks twice .* and 30 s between\. Expected less than 300 s/,
  ],
  [
    "healthChecks.secret",
    () => checks({ name: "x", command: new Secret("curl s3cret") }),
    /everybody who has the image/,
  ],
  ["files.check-place", { files: { "/usr/lib/pine/health.d/a": { content: "" } } }, /into \/etc\/pine\/health\.d/],
  ["files.check-mode", { files: { "/etc/pine/health.d/a": { content: "" } } }, /a mode such as "0755"/],
  [
    "files.path-property",
    { ...checks(web), files: { "/usr/lib/pine/health.count": { content: "9" } } },
    /is made from `healthChecks`/,
  ],
];

it.each(BAD)("%s: %j", async (code, given, says) => {
  const { failures } = await checkRootfs(typeof given === "function" ? given() : given, config);
  const shown = failures.map((f) => `${f.property ? `${f.property}: ` : ""}${f.reason} [${f.code}]`);
  expect(shown).toHaveLength(1);
  expect(shown[0]).toMatch(says);
  expect(failures[0]!.code).toBe(code);
  expect(shown[0]).not.toMatch(/s3cret|hunter2/);
});

it.each<Props>([
  checks(web, { ...web, name: "db", timeout: 40 }, { name: "a", tcp: "[::1]:80", timeout: 48 }),
  checks({ ...web, timeout: 50 }, { ...web, name: "db", timeout: 40, required: false }),
  checks({ name: "ssh", service: "dropbear" }, { name: "net", service: "networking" }),
  { services: { default: ["caddy"] }, ...checks({ name: "x", service: "caddy" }) },
  // a hook may put it into a runlevel
  { buildCommands: ["rc-update add x"], ...checks({ name: "x", service: "x" }) },
  { healthChecks: [{ ...web, http: Unknown.value }, Unknown.value] },
  { files: { "/etc/pine/health.d/a": { content: "", mode: "755" }, "/etc/pine/health.d.txt": { content: "" } } },
])("good: %j", async (inputs) => expect((await checkRootfs(inputs, config)).failures).toEqual([]));

describe("the recipe", () => {
  const recipe = async (news: Props) => {
    const { inputs, failures } = await checkRootfs(news, config);
    expect(failures).toEqual([]);
    return recipeBase(plain(inputs) as RootfsInputs, config);
  };
  it("without checks is as it was before there were any", async () => {
    const bare = canonical(await recipe({}));
    expect(bare).not.toContain("healthChecks");
    expect(canonical(await recipe({ healthChecks: [] }))).toBe(bare);
  });
  it("has them by name, with what was left out", async () => {
    const db = { name: "db", tcp: "127.0.0.1:5432", required: "false", timeout: "5" };
    expect((await recipe(checks(web, db))).healthChecks).toEqual([
      { name: "db", tcp: "127.0.0.1:5432", timeout: 5, required: false },
      { name: "web", http: "http://127.0.0.1/", status: 200, timeout: 10, required: true },
    ]);
    const one = canonical(await recipe(checks(web, db)));
    expect(canonical(await recipe(checks(db, { ...web, status: 200, timeout: 10 })))).toBe(one);
    expect(canonical(await recipe(checks(db, { ...web, status: 201 })))).not.toBe(one);
  });
});
