import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serveCommand, serveFolder } from "../../../provider/commands/serve.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-serve-"));
let server: Server;
let url: string;
beforeAll(async () => {
  mkdirSync(join(dir, "www/objects"), { recursive: true });
  for (const [name, text] of [
    ["secret", "outside"],
    ["www/summary", "all"],
    ["www/config", "[core]\nmode=archive-z2\n"],
    ["www/objects/a b", "content"],
    ["www/.pine.lock", "x"],
  ] as const)
    writeFileSync(join(dir, name), text);
  ({ server, url } = await serveFolder(join(dir, "www"), 0));
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

/** As it is written, which fetch would tidy. */
const get = (path: string, method = "GET") =>
  new Promise<string>((done, failed) => {
    const asked = request(`${url}`, { path, method }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => done(`${response.statusCode} ${text}`.trim()));
    });
    asked.on("error", failed).end();
  });

it.each([
  ["/summary", "GET", "200 all"],
  ["/summary", "HEAD", "200"],
  ["/objects/a%20b", "GET", "200 content"],
  ["/summary?x=1", "GET", "200 all"],
  ["/objects", "GET", "404 404"],
  ["/nothing", "GET", "404 404"],
  ["/../secret", "GET", "404 404"],
  ["/%2e%2e/secret", "GET", "404 404"],
  ["/objects/..%2f..%2fsecret", "GET", "404 404"],
  ["/.pine.lock", "GET", "404 404"],
  ["/%", "GET", "400 400"],
  ["/summary", "PUT", "405 405"],
])("%s %s", async (path, method, answer) => expect(await get(path, method)).toBe(answer));

it.each([
  [[], /usage: pulumi-resource-pine serve FOLDER/],
  [["/srv", "http"], /usage/],
  [["/srv", "70000"], /usage/],
  [[join(dir, "nonesuch")], /nonesuch is not there/],
  [[dir], /holds something else/],
])("the command with %j says what is wrong", async (args, message) => {
  await expect(serveCommand(args)).rejects.toThrow(message);
});

it("a port in use is said", async () => {
  const { port } = new URL(url);
  await expect(serveCommand([join(dir, "www"), port])).rejects.toThrow(`port ${port} is in use`);
});
