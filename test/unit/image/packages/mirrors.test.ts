/** Several mirrors in order: what broke for others (each case with its source), against real servers. */
import { readFileSync, rmSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fetchPackages, GoneError } from "../../../../provider/image/packages/mirror.ts";
import { fetchIndexes } from "../../../../provider/image/packages/mirror-index.ts";
import { fallbacksOf, MirrorsError } from "../../../../provider/image/packages/mirror-order.ts";
import { keepCredentials } from "../../../../provider/local/credentials.ts";
import type { Task } from "../../../../provider/task.ts";
import { freshKey } from "../../../lab/mirror/cache.ts";
import { aPackage, type Built, Mirror, type TwoMirrors, twoMirrors } from "./mirrors-tools.ts";

const key = freshKey("lab.rsa.pub");
const stranger = freshKey("stranger.rsa.pub");
const NAMES = ["ann", "bob", "cid", "dan", "libstdc++"];
let packages: Built[];
beforeAll(async () => {
  packages = await Promise.all(NAMES.map((name) => aPackage(name, key)));
});

let lab: TwoMirrors;
let [a, b] = [new Mirror(), new Mirror()];
let warned: string[];
let task: Task;
const source = () => lab.source();
beforeEach(async () => {
  lab = await twoMirrors(packages, key);
  ({ a, b, warned, task } = lab);
});
afterEach(() => lab.end());

const indexes = (repositories = ["main", "community"]) => fetchIndexes(repositories, source(), task);
const fetched = async () =>
  (
    await fetchPackages(
      packages.map((p) => p.locked),
      source(),
      task,
    )
  ).map((path) => readFileSync(path));
const whole = () => packages.map((p) => p.bytes);
const error = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("no error"),
    (e: Error) => e,
  );
type Trouble = Mirror["trouble"];
const answers =
  (status: number): Trouble =>
  (_, r) => {
    r.writeHead(status).end();
    return true;
  };
const silent: Trouble = () => true;
const circle: Trouble = (q, r) => {
  r.writeHead(302, { location: q.url }).end();
  return true;
};
const breaksOff: Trouble = (_, r) => {
  r.socket?.destroy();
  return true;
};

it("the first is asked, and nobody else", async () => {
  expect((await indexes()).map((i) => i.url)).toEqual([`${a.url}/v3.23/main`, `${a.url}/v3.23/community`]);
  expect(await fetched()).toEqual(whole());
  expect([b.asked, warned]).toEqual([[], []]);
});

/** A mirror in trouble as a whole. */
const AWAY: [string, Trouble | undefined, RegExp][] = [
  // moby/moby#13571, siderolabs/talos#12972
  ["that is not there", undefined, /could not be fetched \(ECONNREFUSED\)/],
  // containerd/containerd#4531, cybozu-go/neco#1409
  ["that answers 503", answers(503), /the server answers 503 Service Unavailable/],
  ["that answers 403", answers(403), /the server answers 403 Forbidden/],
  ["that leads round in a circle", circle, /redirects in a circle/],
  ["that breaks off", breaksOff, /could not be fetched/],
];
describe.each(AWAY)("a mirror %s", (_, trouble, why) => {
  it("is left for the next one, which is told once, and what is had is the same", async () => {
    const before = await indexes();
    rmSync(lab.source().cache, { recursive: true });
    if (trouble) a.trouble = trouble;
    else a.end();
    const after = await indexes();
    expect(after).toEqual(before);
    expect(await fetched()).toEqual(whole());
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(why);
    expect(warned[0]!.startsWith(`stopped using the mirror ${a.url}: ${a.url}/v3.23/`)).toBe(true);
    expect(warned[0]!.endsWith(`; trying ${b.url}`)).toBe(true);
  });
});

it("a mirror that says nothing is left after a while, by name, and asked last from then on (ChrisTitusTech/linutil#128)", async () => {
  a.trouble = silent;
  expect(await fetched()).toEqual(whole());
  expect(warned).toEqual([expect.stringMatching(/^stopped using the mirror .*\.apk: silent for 10 s; trying /)]);
  const asked = a.asked.length;
  expect(await indexes()).toHaveLength(2);
  expect([a.asked.length, warned.length]).toEqual([asked, 1]);
});

it("one that was left is asked again where nobody else has it, and with patience", async () => {
  let n = 0;
  a.trouble = (...asked) => n++ === 0 && answers(503)(...asked);
  b.trouble = answers(404);
  expect((await indexes(["main"])).map((i) => i.name)).toEqual(["main"]);
  expect(warned).toEqual([
    expect.stringMatching(/^stopped using .*503/),
    expect.stringMatching(/^stopped using .*404/),
  ]);
});

describe("a mirror that lags behind or is being updated", () => {
  it("has not some packages: they are the next one's, in one line (puxplaying/maus#2, void-linux/void-packages#29090)", async () => {
    for (const p of packages) a.files.delete(p.path);
    expect(await fetched()).toEqual(whole());
    expect(warned).toEqual([
      expect.stringMatching(
        / did not give .* and 2 more as locked \(the server answers 404 Not Found\): taken from another mirror$/,
      ),
    ]);
    expect(warned[0]!.startsWith(a.url)).toBe(true);
  });
  it("has another package of that name and version: the locked one is the next one's, and it is told (termux/termux-packages#11143)", async () => {
    const other = await aPackage("bob", key, { content: "bOb\n" });
    a.files.set(other.path, other.bytes);
    expect(await fetched()).toEqual(whole());
    expect(warned).toEqual([
      expect.stringMatching(/did not give bob-1\.0-r0\.apk as locked \(its checksum is Q1.*, the index says Q1/),
    ]);
  });
  it.each([
    ["a page of errors with 200 (indiebox/macrobuild-ubos#10)", Buffer.from("<html>busy</html>"), /is not an apk file/],
    ["a longer page", Buffer.alloc(100_000, "<p>"), /has 100 kB or more/],
    ["nothing at all (MichaIng/DietPi#2608)", Buffer.alloc(0), /is not an apk file/],
  ])("gives %s instead of a package", async (_, body, why) => {
    a.files.set(packages[1]!.path, body);
    expect(await fetched()).toEqual(whole());
    expect(warned).toEqual([expect.stringMatching(why)]);
  });
  it("has a package by a stranger", async () => {
    const other = await aPackage("bob", stranger);
    a.files.set(other.path, other.bytes);
    expect(await fetched()).toEqual(whole());
    expect(warned).toEqual([
      expect.stringMatching(/signed with key stranger\.rsa\.pub, which is not among the trusted/),
    ]);
  });
  it("has one of two indexes: both are the next one's, of one time (rgeissert/http-redirector#55, armbian/mirror#7)", async () => {
    const newer = await aPackage("zoe", key, { built: 1_800_000_000 });
    await a.has([...packages, newer], key);
    a.files.delete("v3.23/community/x86_64/APKINDEX.tar.gz");
    const [main] = await indexes();
    expect(main!.text).not.toContain("P:zoe");
    expect(warned).toEqual([
      expect.stringMatching(/^stopped using the mirror .*community.*404 Not Found; trying/),
      expect.stringMatching(/^stopped using the mirror .*main.* is older than what was seen/),
      `no mirror has newer indexes: Pine uses those of ${b.url}`,
    ]);
  });
});

describe("when all fail, one error has each address with its cause", () => {
  it("of indexes", async () => {
    a.end();
    b.trouble = answers(404);
    const e = await error(indexes(["main"]));
    expect(e).toBeInstanceOf(MirrorsError);
    expect(e.message).toMatch(
      /^no mirror has the indexes: (http\S+): could not be fetched \(ECONNREFUSED\); (http\S+): the server answers 404 Not Found; check whether this machine .*; check whether release, repository .*pine:fallbackMirrors\)$/,
    );
    expect(e.message).toContain(`${a.url}/v3.23/main/x86_64/APKINDEX.tar.gz: could`);
    expect(e.message).toContain(`${b.url}/v3.23/main/x86_64/APKINDEX.tar.gz: the`);
  });
  it("of a package that is gone", async () => {
    a.files.delete(packages[2]!.path);
    b.files.set(packages[2]!.path, (await aPackage("cid", key, { content: "other" })).bytes);
    const e = await error(fetched());
    expect(e).toBeInstanceOf(GoneError);
    expect(warned.join()).not.toMatch(/taken from another/);
    expect(e.message).toMatch(
      /^no mirror has package cid 1\.0-r0 as locked: .*404 Not Found; .*its checksum is Q1.*; it is not in this machine's cache either; Alpine keeps only the newest/,
    );
  });
  it("of mirrors that nobody reaches", async () => {
    a.end();
    b.end();
    expect((await error(fetched())).message).toMatch(
      / and 4 others are not in this machine's cache, and no mirror was reached; no mirror has package .*ECONNREFUSED.*ECONNREFUSED/,
    );
  });
});

it("each has its own password, and one that is refused leads to the next (containerd/containerd#7321, docker/docs#5139)", async () => {
  const own = { ...source(), mirror: keepCredentials(a.url.replace("//", "//ann:canary1@")) };
  own.fallbacks = [keepCredentials(b.url.replace("//", "//bob:canary2@"))];
  expect([own.mirror, own.fallbacks]).toEqual([a.url, [b.url]]);
  a.trouble = answers(401);
  await fetchIndexes(["main"], own, task);
  expect(a.asked.map((q) => q.authorization)).toEqual([`Basic ${btoa("ann:canary1")}`]);
  expect(b.asked.map((q) => q.authorization)).toEqual([`Basic ${btoa("bob:canary2")}`]);
  expect(warned).toEqual([expect.stringMatching(/^stopped using .*401 Unauthorized; trying/)]);
  expect(warned.join()).not.toMatch(/canary/);
});

it("what was cancelled asks nobody else", async () => {
  const cancel = new AbortController();
  task = { ...task, signal: cancel.signal };
  a.trouble = () => {
    cancel.abort();
    return true;
  };
  await error(indexes(["main"]));
  expect([b.asked, warned]).toEqual([[], []]);
});

it("a repository with an address of its own is asked there alone; another mirror of a Rootfs has no others", async () => {
  const own = await new Mirror().start();
  own.trouble = answers(404);
  const e = await error(indexes(["main", `${own.url}/v3.23/main`]));
  own.end();
  expect(e.message).toMatch(/^http.*answers 404 Not Found/);
  expect(e.message.startsWith(own.url)).toBe(true);
  const three = { mirror: "http://a", fallbacks: ["http://b", "http://c"] };
  expect(fallbacksOf("http://a", three)).toEqual(["http://b", "http://c"]);
  expect(fallbacksOf("http://c", three)).toEqual(["http://a", "http://b"]);
  expect(fallbacksOf("http://other", three)).toEqual([]);
});
