/**
 * What Alpine's own busybox, ssl_client and curl do with https and with proxies: libexec/pine/requests on the lab's
 * Alpine, in a namespace whose /etc is another. OSTree's part: unit/system/requests.test.ts.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asset } from "../../provider/assets.ts";
import { certificatesOf } from "../../provider/host/updates/settings.ts";
import { run } from "../../provider/local/run.ts";
import { ensureAlpineTree } from "../lab/mirror/alpine.ts";
import { type FarProxy, type Standing, startFarProxy, startTls } from "../unit/system/a-far-web.ts";
import { certificates, FAR } from "../unit/system/certificates.ts";

const pki = certificates();
const own = certificatesOf(pki.ca)
  .map((der) => `ca=${der}`)
  .join("\n");
const work = mkdtempSync(join(tmpdir(), "pine-updates-alpine-"));
let alpine = "";
let web: Server;
let proxy: FarProxy;
const tls: Record<string, Standing> = {};

/** $1 Alpine, $2 our pieces, $3 a folder for what is written; the rest is run there. */
const INSIDE = `set -eu
alpine=$1 lib=$2 work=$3
mount --rbind "$alpine" "$alpine"
mount -t tmpfs tmpfs "$alpine/run"
mount --rbind /dev "$alpine/dev"
mount -t tmpfs tmpfs "$alpine/mnt"
mkdir "$alpine/mnt/lib" "$alpine/mnt/work"
mount --bind "$lib" "$alpine/mnt/lib"
mount --bind "$work" "$alpine/mnt/work"
[ -n "$4" ] || mount --bind /dev/null "$alpine/usr/bin/curl"
exec chroot "$alpine" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$5"`;
const ASK = `set -eu
memory() { echo /mnt/work; }
for piece in words trials pulling requests; do . /mnt/lib/$piece; done
memory() { echo /mnt/work; }
work=/run url=$(setting url) why=
settings
if small_file pine/x.manifest 1000; then cat /run/got; else echo "$why"; fi`;

async function ask(settings: string, o: { curl?: boolean } = {}): Promise<string> {
  writeFileSync(join(work, "updates"), `${settings}\n`);
  const lib = asset("system/rootfs/usr/libexec/pine");
  const args = ["--map-root-user", "--mount", "sh", "-c", INSIDE, "sh", alpine, lib, work, o.curl ? "curl" : "", ASK];
  const { stdout } = await run("unshare", args, { timeout: 100_000 });
  return stdout.trim();
}

beforeAll(async () => {
  alpine = await ensureAlpineTree(() => {});
  mkdirSync(join(work, "pull"));
  web = createServer((request, response) => {
    if (request.url !== "/pine/x.manifest") response.writeHead(404);
    response.end("pine=1\n");
  });
  await new Promise<void>((done) => web.listen(0, "127.0.0.1", done));
  const port = () => (web.address() as AddressInfo).port;
  for (const name of ["good", "expired", "other"] as const) tls[name] = await startTls(pki[name], port);
  proxy = await startFarProxy({ http: port, https: () => tls.good!.port });
});
afterAll(() => {
  for (const one of [proxy, ...Object.values(tls)]) one?.end();
  web?.close();
  rmSync(work, { recursive: true });
});

const https = (name: string) => `url=https://127.0.0.1:${tls[name]!.port}`;
const byProxy = (scheme: string) => `url=${scheme}://${FAR}\nproxy=http://bob:hidden@127.0.0.1:${proxy.port}`;

test.each<[string, boolean, () => string, RegExp]>([
  ["https by wget, whose ssl_client checks", false, () => `${https("good")}\n${own}`, /^pine=1$/],
  [
    "and does not take what nobody here knows",
    false,
    () => https("good"),
    /certificate is not accepted: .*curl in the/,
  ],
  ["nor another name's", false, () => `${https("other")}\n${own}`, /its certificate is not accepted: /],
  ["nor an old one", false, () => `${https("expired")}\n${own}`, /its certificate is not accepted: it has expired, is/],
  ["https by curl", true, () => `${https("good")}\n${own}`, /^pine=1$/],
  ["curl knows an old one", true, () => `${https("expired")}\n${own}`, /its certificate has expired$/],
  [
    "and another name's",
    true,
    () => `${https("other")}\n${own}`,
    /its certificate is not accepted: it is of another name$/,
  ],
  ["and an unknown one", true, () => https("good"), /not accepted: nobody that is trusted here signed it$/],
  ["http by a proxy, with its password", false, () => byProxy("http"), /^pine=1$/],
  ["https by a proxy, by curl", true, () => `${byProxy("https")}\n${own}`, /^pine=1$/],
  [
    "https by a proxy without curl: not at all",
    false,
    () => `${byProxy("https")}\n${own}`,
    /^https by a proxy needs curl/,
  ],
])("%s", async (_, curl, settings, said) => {
  expect(await ask(settings(), { curl })).toMatch(said);
});

test("why it is not at all: wget gives the proxy an https address as plain text", async () => {
  proxy.through.length = 0;
  const settings = `url=https://${FAR}\nproxy=http://127.0.0.1:${proxy.port}\n`;
  writeFileSync(join(work, "updates"), settings);
  const naked = `http_proxy=http://127.0.0.1:${proxy.port} busybox wget -q -O - https://${FAR}/secret || true`;
  const args = ["sh", "-c", INSIDE, "sh", alpine, asset("system/rootfs/usr/libexec/pine"), work, "", naked];
  await run("unshare", ["--map-root-user", "--mount", ...args], { timeout: 100_000 });
  expect(proxy.through).toEqual([expect.stringContaining(`GET https://${FAR}/secret`)]);
});
