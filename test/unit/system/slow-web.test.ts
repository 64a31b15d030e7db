/**
 * Web servers that send what nobody expects, while a server fetches: each fetch ends well or with its own message, in
 * bounded time (66: rust-lang/rustup#4710, thin-edge.io#3941). OSTree asks for no ranges, and begins an object anew.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { setInterval as every } from "node:timers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Puller } from "./a-puller.ts";

let p: Puller;
let ranges = 0;
let left = 0;
let commits = 0;
beforeAll(async () => {
  p = await Puller.make(["busybox", "sh"]);
});
afterEach(() => {
  p.answer = () => false;
});
afterAll(() => p?.end());

const isObject = (path: string) => path.endsWith(".filez");

/** Answers so for the next `times` files of a kind. */
function spoil(of: (path: string) => boolean, times: number, how: (response: ServerResponse) => void): void {
  left = times;
  p.answer = (request: IncomingMessage, response, path) => {
    if (request.headers.range) ranges++;
    if (!of(path) || left-- <= 0) return false;
    how(response);
    return true;
  };
}
const drip = (response: ServerResponse) => {
  response.writeHead(200, { "content-length": 1000 });
  const timer = every(() => response.write("x"), 1000);
  response.on("close", () => clearInterval(timer));
};
const cutOff = (response: ServerResponse) => {
  response.writeHead(200, { "content-length": 1000 });
  response.write("half", () => response.destroy());
};
/** Measured in uptime by the test's own clock, generously: it must end, not be quick. */
async function ends(env = ""): Promise<string> {
  const said = await p.refused("pull", ["stage"], { before: env });
  await p.s.ostree(["fsck", `--repo=${join(p.s.root, "ostree/repo")}`, "--quiet"]);
  return said;
}

test.each<[string, (r: ServerResponse) => void]>([
  ["says that a range is not to be had", (r) => r.writeHead(416).end()],
  ["closes early", cutOff],
  ["closes at once", (r) => r.destroy()],
  ["cannot answer now", (r) => r.writeHead(503).end()],
])("a web server that %s, twice: it is fetched all the same, by this run or the next", async (_, how) => {
  const commit = await p.publish(`again-${++commits}`, `1.2.${commits}`);
  spoil(isObject, 2, how);
  const said = await ends();
  if (said !== "done") expect(said).toMatch(/commit [0-9a-f]{64} could not be fetched: /);
  p.answer = () => false;
  expect((await p.run("pull", ["stage"])).stdout).toMatch(new RegExp(`^commit=${commit}\n.*\ndecision=staged$`, "m"));
});

test("another content than was signed for: refused, and the true one is taken later", async () => {
  const commit = await p.publish("changed", "1.3.0");
  spoil(isObject, 99, (r) => r.writeHead(200).end("another content"));
  expect(await ends()).toMatch(/could not be fetched: .*(orrupt|nvalid|zlib|size)/);
  expect(p.has("pull/staged.commit") && p.text("pull/staged.commit").includes(commit)).toBe(false);
  p.answer = () => false;
  expect((await p.run("pull", ["stage"])).stdout).toContain(commit);
});

test("a web server that sends one byte a second: a manifest is given up after its time, and says so", async () => {
  spoil((path) => path.endsWith(".manifest"), 1, drip);
  expect(await ends("export PINE_SMALL_SECONDS=3")).toMatch(/did not send pine\/.*\.manifest in 3 s$/);
});
test("and so is a commit", async () => {
  await p.publish("slow", "1.4.0");
  spoil(isObject, 99, drip);
  expect(await ends("export PINE_PULL_SECONDS=4")).toMatch(/could not be fetched: it was not done in 4 s$/);
  p.answer = () => false;
  expect(await p.refused("pull", ["stage"])).toBe("done");
});

test("nobody was asked for a range", () => expect(ranges).toBe(0));
