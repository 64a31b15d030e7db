/**
 * A server that asks by https and by a proxy: libexec/pine/requests with real curl, busybox' wget and OSTree. The name
 * is one that only the proxy knows, and the environment is another (32: FCOS#379, rpm-ostree#208).
 * Alpine's own tools: e2e/updates-alpine.test.ts.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { certificatesOf } from "../../../provider/host/updates/settings.ts";
import { signManifest } from "../../../provider/trust/manifest.ts";
import { type FarProxy, type Standing, startFarProxy, startTls } from "./a-far-web.ts";
import { Puller, REF } from "./a-puller.ts";
import { certificates, FAR } from "./certificates.ts";

const pki = certificates();
const own = certificatesOf(pki.ca).join("\n");
const WITHOUT_CURL = "mount --bind /dev/null /usr/bin/curl";

describe.each([["dash"], ["busybox", "sh"]])("a server that asks, by %s", (...shell) => {
  let p: Puller;
  let proxy: FarProxy;
  const webs: Record<string, Standing> = {};
  let commits = 0;
  const next = () => p.publish(`n${++commits}`, `1.1.${commits}`);
  const proxyUrl = (who = "bob:hidden@") => `http://${who}127.0.0.1:${proxy.port}`;
  const port = () => Number(new URL(p.url).port);
  const https = (name: string) => `https://127.0.0.1:${webs[name]!.port}`;
  const config = () => readFileSync(join(p.s.root, "ostree/repo/config"), "utf8");
  beforeAll(async () => {
    p = await Puller.make(shell);
    for (const name of ["good", "expired", "other"] as const) webs[name] = await startTls(pki[name], port);
    proxy = await startFarProxy({ http: port, https: () => webs.good!.port });
  });
  afterEach(() => {
    proxy.answers = undefined;
    proxy.through.length = 0;
    p.trust(signManifest(p.manifest(p.s.first, "1.0.0"), p.signers));
  });
  afterAll(async () => {
    for (const one of [proxy, ...Object.values(webs)]) one?.end();
    await p?.end();
  });

  test("http by a proxy: all of it, and its password is in no file that others read", async () => {
    const commit = await next();
    p.settings({ url: `http://${FAR}/`.replace(/\/$/, ""), proxy: proxyUrl() });
    const { stdout } = await p.run("upgrade", ["stage"], { before: "export http_proxy=http://127.0.0.1:1" });
    expect(stdout).toMatch(new RegExp(`^commit=${commit}$`, "m"));
    const basic = `Basic ${Buffer.from("bob:hidden").toString("base64")}`;
    expect(proxy.through.find((line) => line.includes(".manifest"))).toBe(
      `GET http://${FAR}/pine/${REF}.manifest ${basic}`,
    );
    expect(proxy.through.filter((line) => line.includes("/objects/")).length).toBeGreaterThan(1);
    expect(config()).not.toContain("proxy");
  });
  test("https by a proxy: it is told the name, and nothing else", async () => {
    const commit = await next();
    p.settings({ url: `https://${FAR}`, proxy: proxyUrl(), ca: own });
    expect((await p.run("upgrade", ["stage"])).stdout).toMatch(
      new RegExp(`^commit=${commit}\n.*\ndecision=staged`, "m"),
    );
    expect(new Set(proxy.through.map((line) => line.split(" ").slice(0, 2).join(" ")))).toEqual(
      new Set([`CONNECT ${FAR}:443`]),
    );
  });
  test("https by a proxy without curl: refused, since wget would tell the proxy all", async () => {
    p.settings({ url: `https://${FAR}`, proxy: proxyUrl(), ca: own });
    expect(await p.refused("pull", ["stage"], { before: WITHOUT_CURL })).toMatch(/https by a proxy needs curl: add it/);
    expect(proxy.through).toEqual([]);
  });
  test("https without a proxy, by certificates of one's own; and what was set before is gone", async () => {
    const commit = await next();
    p.settings({ url: https("good"), ca: own });
    await p.s.ostree(["config", `--repo=${join(p.s.root, "ostree/repo")}`, "set", 'remote "pine".proxy', "http://x:1"]);
    expect((await p.run("pull", ["stage"])).stdout).toMatch(new RegExp(`^commit=${commit}\n.*\ndecision=staged`, "m"));
    expect([config().includes("tls-ca-path"), config().includes("proxy")]).toEqual([true, false]);
    await next();
    p.settings({});
    await p.run("pull", ["stage"]);
    expect(config()).not.toContain("tls-ca-path");
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    ["has expired (60: FCOS#1072)", () => ({ url: https("expired"), ca: own }), /its certificate has expired$/],
    ["is of another name", () => ({ url: https("other"), ca: own }), /is not accepted: it is of another name$/],
    ["nobody knows", () => ({ url: https("good") }), /is not accepted: nobody that is trusted here signed it$/],
  ])("a certificate that %s: told, and http with signatures works", async (_, settings, message) => {
    const commit = await next();
    p.settings(settings());
    expect(await p.refused("pull", ["stage"])).toMatch(message);
    p.settings({});
    expect((await p.run("pull", ["stage"])).stdout).toContain(commit);
  });
  test("a clock before what was seen last: named, and http works all the same (30: jetkvm#576, snapd#8814)", async () => {
    p.trust(signManifest(p.manifest(p.s.first, "1.0.0", { created: 4_000_000_000 }), p.signers));
    p.settings({ url: https("expired"), ca: own });
    expect(await p.refused("pull", ["check"])).toMatch(/this server's clock is wrong \(20.*Z\), so no certificate/);
    p.settings({});
    expect(await p.refused("pull", ["check"])).toBe("done");
  });

  test.each<[string, () => Record<string, string>, number | undefined, RegExp]>([
    [
      "wants a password",
      () => ({ url: `http://${FAR}`, proxy: proxyUrl("") }),
      407,
      /the proxy http:\/\/127\.0\.0\.1:\d+ asks for a name and a password$/,
    ],
    [
      "wants one for https",
      () => ({ url: `https://${FAR}`, proxy: proxyUrl(), ca: own }),
      407,
      /the proxy http:\/\/127\.0\.0\.1:\d+ asks for a name/,
    ],
    [
      "reaches nobody",
      () => ({ url: `http://${FAR}`, proxy: proxyUrl() }),
      502,
      /through the proxy http:\/\/127\.0\.0\.1:\d+: it answers .*502/,
    ],
    [
      "reaches nobody by https",
      () => ({ url: `https://${FAR}`, proxy: proxyUrl(), ca: own }),
      502,
      /through the proxy http:\/\/127\.0\.0\.1:\d+: it answers .*502/,
    ],
    [
      "answers with a page of its own",
      () => ({ url: `http://${FAR}`, proxy: proxyUrl() }),
      200,
      /is no manifest, but a web page: a proxy or a portal\?/,
    ],
    [
      "is away",
      () => ({ url: `http://${FAR}`, proxy: "http://eve:hidden@127.0.0.1:1" }),
      undefined,
      /through the proxy http:\/\/127\.0\.0\.1:1: connection refused$/,
    ],
    [
      "is away, by https",
      () => ({ url: `https://${FAR}`, proxy: "http://eve:hidden@127.0.0.1:1", ca: own }),
      undefined,
      /through the proxy http:\/\/127\.0\.0\.1:1: connection refused$/,
    ],
  ])("a proxy that %s", async (_, settings, answers, message) => {
    p.settings(settings());
    proxy.answers = answers;
    const said = await p.refused("pull", ["stage"]);
    expect(said).toMatch(message);
    expect(`${said} ${p.state("problem")} ${p.log()}`).not.toContain("hidden");
  });

  test("health checks and hooks do not see the proxy", async () => {
    p.settings({ url: `http://${FAR}`, proxy: proxyUrl(), reboot: "now" });
    const health = 'echo "health: ${http_proxy:-none}" >>/var/lib/pine/seen; echo "checked=x result=green"';
    await p.refused("upgrade", ["reboot", "now"], { health, before: "export http_proxy=http://127.0.0.1:1" });
    expect(existsSync(p.memory("seen")) && p.text("seen")).toBe("health: none\n");
  });
});
