/** Certificates and proxies of `updates`: what is taken, what the server gets, what its image needs for them. */
import { describe, expect, it } from "vitest";
import { httpsNeeds, settingsText, type Updates } from "../../../../../provider/host/updates/settings.ts";
import { type Props, plain } from "../../../../../provider/properties/values.ts";
import { checkHijack } from "../../../../../provider/resources/hijack/check/check.ts";
import { certificates } from "../../../system/certificates.ts";

const { ca, good } = certificates();
const given = { connection: { host: "127.0.0.1", port: 1 }, commit: "a".repeat(64) };
const url = "https://updates.example.com/pine";
const problems = (updates: Props) =>
  checkHijack({ ...given, updates }).failures.map((f) => `${f.property}: ${f.reason}`);

it.each<[string, Props, RegExp]>([
  ["no certificate", { url, caCertificate: "ca.pem" }, /^updates\.caCertificate: expected certificates in PEM/],
  [
    "a damaged one",
    { url, caCertificate: ca.replace(/\n[^\n]{9}/, "\nAAAAAAAAA") },
    /^updates\.caCertificate: expected/,
  ],
  ["a key", { url, caCertificate: good.key }, /^updates\.caCertificate: .*, not a private key$/],
  ["one for http", { url: "http://x/", caCertificate: ca }, /^updates\.caCertificate: is for https, and url is "http:/],
  ["a proxy with a path", { url, proxy: "http://10.0.0.1:3128/x" }, /^(updates\.proxy)?: .*address of a proxy/],
])("%s is refused", (_, updates, message) => {
  const found = problems(updates);
  expect(found).toEqual([expect.stringMatching(message)]);
  expect(found.join()).not.toContain("PRIVATE KEY-----");
});

it("the server gets each certificate as a line, and its settings are others with another", () => {
  const { inputs } = checkHijack({ ...given, updates: { url, caCertificate: `${ca}\n${good.cert}` } });
  const { windows = [], witnesses = [], ...rest } = plain(inputs.updates) as Updates;
  const text = settingsText({ ...rest, windows, witnesses }, { id: "i", ref: "r", deadman: 300 });
  const lines = text.split("\n").filter((line) => line.startsWith("ca="));
  const body = (pem: string) => pem.replace(/-----[^-]*-----|\s/g, "");
  expect(lines).toEqual([`ca=${body(ca)}`, `ca=${body(good.cert)}`]);
});

describe("an image needs", () => {
  const updates = (more: Partial<Updates>) => ({ url, ...more }) as Updates;
  const proxy = "http://10.0.0.1:3128";
  it.each<[string, Partial<Updates>, { curl?: boolean; ssl_client?: boolean }, RegExp | undefined]>([
    ["nothing for http", { url: "http://x", proxy }, { curl: false, ssl_client: false }, undefined],
    ["ssl_client alone for https", {}, { curl: false, ssl_client: true }, undefined],
    ["or curl", {}, { curl: true, ssl_client: false }, undefined],
    ["one of both", {}, { curl: false, ssl_client: false }, /^https needs the program curl or busybox' ssl_client/],
    ["curl behind a proxy", { proxy }, { curl: false, ssl_client: true }, /^https by a proxy needs the program curl/],
    ["what is not known is not missed", { proxy }, {}, undefined],
  ])("%s", (_, more, has, lacks) => {
    const said = httpsNeeds(updates(more), has);
    if (lacks) expect(said).toMatch(lacks);
    else expect(said).toBeUndefined();
  });
});
