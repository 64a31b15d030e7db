import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { type ArtifactFacts, artifact, readArtifact } from "../../../../provider/image/store/artifact.ts";
import { Store } from "../../../../provider/image/store/store.ts";
import { quietTask } from "../../../../provider/task.ts";

const dirs: string[] = [];
let store: Store;
let made = 0;
beforeEach(async () => {
  const dir = mkdtempSync(join(tmpdir(), "artifact-"));
  dirs.push(dir);
  store = await Store.open(dir);
  made = 0;
});
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

const get = (path: string, content = "some bytes", task = quietTask(), format = "1") =>
  artifact<ArtifactFacts & { note: string }>(store, path, format, task, async (dir) => {
    made++;
    writeFileSync(join(dir, "x"), content);
    return { file: join(dir, "x"), facts: { note: "n" } };
  });

test("is made once, with size, hash and what else is known", async () => {
  const path = store.image("a");
  const sha256 = createHash("sha256").update("some bytes").digest("hex");
  expect(await readArtifact(store, path, "1")).toBeUndefined();
  expect(await get(path)).toEqual({ size: 10, sha256, format: "1", note: "n" });
  expect(await get(path)).toEqual({ size: 10, sha256, format: "1", note: "n" });
  expect(made).toBe(1);
  expect(readFileSync(path, "utf8")).toBe("some bytes");
  expect(readdirSync(store.path("images")).sort()).toEqual(["a.json", "a.raw.zst"]);
});

test("is made again by another provider", async () => {
  const path = store.image("a");
  await get(path);
  expect(await readArtifact(store, path, "2")).toBeUndefined();
  await get(path, "other bytes", quietTask(), "2");
  expect(readFileSync(path, "utf8")).toBe("other bytes");
  expect(made).toBe(2);
});

test("two at once make it once", async () => {
  await Promise.all([get(store.image("a")), get(store.image("a"))]);
  expect(made).toBe(1);
});

test.each([
  ["the file is gone", (p: string) => rmSync(p)],
  ["the file is cut", (p: string) => truncateSync(p, 3)],
  ["its json is gone", (p: string) => rmSync(p.replace(".raw.zst", ".json"))],
  ["its json is damaged", (p: string) => writeFileSync(p.replace(".raw.zst", ".json"), "{")],
])("is made again when %s", async (_, harm) => {
  const path = store.image("a");
  await get(path);
  harm(path);
  expect(await readArtifact(store, path, "1")).toBeUndefined();
  await get(path);
  expect(made).toBe(2);
  expect(await readArtifact(store, path, "1")).toBeDefined();
});

test("a failure and a cancellation leave nothing", async () => {
  const path = store.image("a");
  const failing = artifact(store, path, "1", quietTask(), async (dir) => {
    writeFileSync(join(dir, "x"), "half");
    throw new Error("no space left");
  });
  await expect(failing).rejects.toThrow("no space left");
  const cancelled = new AbortController();
  cancelled.abort();
  await expect(get(path, "x", quietTask(cancelled.signal))).rejects.toThrow(/abort/i);
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(store.path("tmp"))).toEqual([]);
});
