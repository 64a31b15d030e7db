/**
 * A storage that anybody may run: what it answers writes nothing outside of our copy, ends, and is refused by one error
 * with its address.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { fileAndFolder, planFetch } from "../../../../provider/publish/plan.ts";
import { takeIn } from "../../../../provider/publish/remote.ts";
import { parseKeys } from "../../../../provider/publish/s3/answers.ts";
import { S3Remote } from "../../../../provider/publish/s3/place.ts";
import { quietTask } from "../../../../provider/task.ts";

const base = mkdtempSync(join(tmpdir(), "pine-s3-"));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
  rmSync(base, { recursive: true });
});

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(base, "case-"));
  for (const name of ["copy", "into", "victim"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "victim", "authorized_keys"), "mine\n");
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
async function serve(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const LIMITS = { error: 1000, page: 100_000, file: 1000, keys: 5000 };
async function remote(answer: Answer): Promise<S3Remote> {
  const o = { endpoint: await serve(answer), bucket: "b", accessKeyId: "AKIA", secretAccessKey: "a secret" };
  return new S3Remote(o, quietTask(), LIMITS, 1);
}
const contents = (keys: [string, number][], next?: string) =>
  `<ListBucketResult>${keys.map(([k, n]) => `<Contents><Key>${k}</Key><Size>${n}</Size></Contents>`).join("")}${
    next ? `<NextContinuationToken>${next}</NextContinuationToken>` : ""
  }</ListBucketResult>`;
const SUMMARY = new Map([["summary", 4]]);
/** Everything below the case's folder. */
const all = () => readdirSync(dir, { recursive: true }).sort();
const nothing = ["copy", "into", "victim", "victim/authorized_keys"];

it("keys that lead out of the copy are nobody's: nothing is asked for or written by them", async () => {
  const asked: string[] = [];
  const bad = [
    "../victim/authorized_keys",
    "/etc/passwd",
    "pine/../../victim/x",
    "pine//x",
    "pine/.ssh",
    "objects/..",
    "C:/x",
  ];
  const s3 = await remote((request, response) => {
    asked.push(request.url!);
    if (request.url!.includes("list-type"))
      response.end(contents([...bad.map((k): [string, number] => [k, 4]), ["summary", 4]]));
    else response.end("evil");
  });
  const there = await s3.list();
  expect([...there.keys()]).toEqual(["summary"]);
  const { fetch } = planFetch(new Map(), there);
  await s3.fetch(there, join(dir, "into"), () => {});
  await takeIn(join(dir, "into"), join(dir, "copy"), fetch, s3.name);
  expect(asked).toHaveLength(2);
  expect(all()).toEqual(["copy", "copy/summary", "into", "victim", "victim/authorized_keys"]);
});

it("names that differ by case are two files, a file that is a folder too is named", async () => {
  const s3 = await remote((request, response) => {
    if (request.url!.includes("list-type"))
      response.end(
        contents([
          ["pine/A", 1],
          ["pine/a", 1],
        ]),
      );
    else response.end(request.url!.slice(-1));
  });
  const there = await s3.list();
  await s3.fetch(there, join(dir, "into"), () => {});
  await takeIn(join(dir, "into"), join(dir, "copy"), [...there.keys()], s3.name);
  expect(["A", "a"].map((n) => readFileSync(join(dir, "copy/pine", n), "utf8"))).toEqual(["A", "a"]);
  expect(fileAndFolder(there)).toBeUndefined();
  expect(
    fileAndFolder(
      new Map([
        ["refs/heads/a/b", 1],
        ["refs/heads/a", 1],
      ]),
    ),
  ).toBe("refs/heads/a");
});

describe("a list that does not end is given up", () => {
  it.each<[string, (n: number) => string]>([
    [
      "new keys for ever",
      (n) =>
        contents(
          Array.from({ length: 500 }, (_, i) => [`pine/${n}-${i}`, 1]),
          `t${n}`,
        ),
    ],
    ["the same page again", () => contents([["summary", 4]], "t")],
    ["pages without keys", (n) => contents([], `t${n}`)],
  ])("%s", async (_, page) => {
    let n = 0;
    const s3 = await remote((_, response) => void response.end(page(++n)));
    await expect(s3.list()).rejects.toThrow(
      /publish\.s3: the list of http:\S+\/b does not end: \d+ keys, and more follow/,
    );
    expect(n).toBeLessThan(110);
  });
  it("a page without end", async () => {
    const s3 = await remote((_, response) => {
      const more = () => response.write("<Contents>".repeat(1000), more);
      response.on("error", () => {});
      more();
    });
    await expect(s3.list()).rejects.toThrow(/a page of the list of http:\S+ is longer than 100 kB/);
  });
});

it("a page of XML that is made to be slow takes time by its length alone", () => {
  const time = (count: number) => {
    const text = "<Contents>".repeat(count);
    const begun = process.cpuUsage().user;
    expect(parseKeys(text).keys).toHaveLength(count);
    return process.cpuUsage().user - begun + 1;
  };
  // ten short ones, against what a single one is too short for: the clock's own steps
  const short = () => Array.from({ length: 10 }, () => time(10_000)).reduce((all, one) => all + one);
  short();
  // as long as ten short ones; what is quadratic takes ten times as long
  expect(time(100_000) / short()).toBeLessThan(5);
});

it("entities of XML stay what they are: nothing is read or multiplied", async () => {
  const bomb = `<!DOCTYPE x [<!ENTITY a SYSTEM "file://${dir}/victim/authorized_keys"><!ENTITY b "&a;&a;&a;">]>`;
  const s3 = await remote(
    (_, response) =>
      void response.end(
        bomb +
          contents([
            ["pine/&a;&b;", 1],
            ["pine/x", 1],
          ]),
      ),
  );
  expect([...(await s3.list()).keys()]).toEqual(["pine/x"]);
});

describe("a file that is not as long as it was listed is refused", () => {
  it.each<[string, Answer, RegExp]>([
    ["longer", (_, r) => void r.end("longer"), /b\/summary is longer than the 4 bytes that were listed/],
    ["shorter", (_, r) => void r.end("x"), /b\/summary ended after 1 of the 4 bytes that were listed/],
    [
      "without end",
      (_, r) => {
        const more = () => r.write(Buffer.alloc(1 << 16), more);
        r.on("error", () => {});
        more();
      },
      /b\/summary is longer than the 4 bytes/,
    ],
    [
      "shorter than its Content-Length",
      (_, r) => {
        r.writeHead(200, { "content-length": "4" });
        r.write("x", () => r.destroy());
      },
      /b\/summary was cut off: /,
    ],
  ])("%s", async (_, answer, says) => {
    const s3 = await remote(answer);
    await expect(s3.fetch(SUMMARY, join(dir, "into"), () => {})).rejects.toThrow(says);
    expect(all().filter((name) => name !== "into/summary")).toEqual(nothing);
  });
  it("nor are bytes behind its Content-Length taken", async () => {
    const s3 = await remote((_, r) => {
      r.socket!.end("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfineHTTP/1.1 200 OK\r\n\r\nand more");
    });
    await s3.fetch(SUMMARY, join(dir, "into"), () => {});
    expect(readFileSync(join(dir, "into/summary"), "utf8")).toBe("fine");
  });
});

it("what it says of config, a branch or an error is read up to a limit", async () => {
  const long = await remote((_, response) => void response.end("x".repeat(2000)));
  await expect(long.look("web")).rejects.toThrow(/publish\.s3: http:\S+\/b\/config is longer than 1\.0 kB/);
  const wrong = await remote((_, response) => void response.writeHead(403).end("x".repeat(2000)));
  await expect(wrong.look("web")).rejects.toThrow(/the refusal of http:\S+ is longer than 1\.0 kB/);
  const line = await remote((_, response) => void response.end("not a commit; $(reboot)\n"));
  expect((await line.look("web")).problem).toMatch(/holds something else/);
});

it.each([301, 302, 307, 308])("a redirect (%i) is not followed, and the credentials stay here", async (status) => {
  const there: IncomingMessage["headers"][] = [];
  const other = await serve((request, response) => {
    there.push(request.headers);
    response.end("caught");
  });
  const s3 = await remote((_, response) => void response.writeHead(status, { location: `${other}/b/summary` }).end());
  for (const act of [() => s3.stamp(), () => s3.list(), () => s3.fetch(SUMMARY, join(dir, "into"), () => {})])
    await expect(act()).rejects.toThrow(
      new RegExp(`publish\\.s3: http:\\S+ redirects to ${other}, and the credentials are only for \\S+`),
    );
  expect(there).toEqual([]);
});

it("an ETag is no more than a mark: another one each time is somebody else's change", async () => {
  let n = 0;
  const s3 = await remote((_, response) => void response.writeHead(200, { etag: `"../${++n}"` }).end());
  expect(await s3.stamp()).not.toBe(await s3.stamp());
});

it("a temporary key's session token goes along, and into no error", async () => {
  let token: unknown;
  const endpoint = await serve((request, response) => {
    token = request.headers["x-amz-security-token"];
    response.writeHead(403).end();
  });
  const key = { bucket: "b", accessKeyId: "AKIA", secretAccessKey: "a secret", sessionToken: "canary-token" };
  const error: Error = await new S3Remote({ endpoint, ...key }, quietTask(), LIMITS, 1).look("x").catch((e) => e);
  expect(token).toBe("canary-token");
  expect(error.message).toMatch(/^publish\.s3: /);
  expect(JSON.stringify([error.message, (error as { hint?: string }).hint])).not.toContain("canary");
});
