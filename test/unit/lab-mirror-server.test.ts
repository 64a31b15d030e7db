import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fault, type MirrorServer, serveMirror } from "../lab/mirror/server.ts";

describe("the server", () => {
  const folder = mkdtempSync(join(tmpdir(), "pine-mirror-"));
  mkdirSync(join(folder, "alpine/v3.23/main"), { recursive: true });
  writeFileSync(join(folder, "alpine/v3.23/main/a.apk"), "0123456789");
  writeFileSync(join(folder, "secret"), "no");
  let fault: Fault | undefined;
  let server: MirrorServer;
  let url: string;
  beforeAll(async () => {
    server = await serveMirror(folder, { intercept: (path) => (path.endsWith("a.apk") ? fault : undefined) });
    url = `${server.url}/v3.23/main/a.apk`;
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it("sends a file once to who keeps its ETag or date", async () => {
    const first = await fetch(url);
    expect(await first.text()).toBe("0123456789");
    const again = (headers: Record<string, string>) => fetch(url, { headers }).then((r) => r.status);
    expect(await again({ "If-None-Match": first.headers.get("etag")! })).toBe(304);
    expect(await again({ "If-Modified-Since": first.headers.get("last-modified")! })).toBe(304);
    expect(await again({ "If-None-Match": '"other"', "If-Modified-Since": first.headers.get("last-modified")! })).toBe(
      200,
    );
    expect(server.requests.slice(0, 2)).toEqual(["v3.23/main/a.apk", "304 v3.23/main/a.apk"]);
  });

  it("gives nothing outside the mirror", async () => {
    expect((await fetch(`${server.url}/..%2fsecret`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${server.port}/secret`)).status).toBe(404);
    expect((await fetch(`${server.url}/v3.23/main`)).status).toBe(404);
  });

  it("fails as it is told to", async () => {
    fault = { status: 503 };
    expect((await fetch(url)).status).toBe(503);
    fault = { change: (b) => Buffer.concat([b.subarray(0, 9), Buffer.from("X")]) };
    expect(await (await fetch(url)).text()).toBe("012345678X");
    fault = { body: "other" };
    expect(await (await fetch(url)).text()).toBe("other");
    fault = { truncateAt: 4 };
    await expect(fetch(url).then((r) => r.text())).rejects.toThrow();
    fault = { bytesPerSecond: 100, delayMs: 1 };
    expect(await (await fetch(url)).text()).toBe("0123456789");
    fault = undefined;
  });
});
