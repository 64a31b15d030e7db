/**
 * An S3-compatible storage on 127.0.0.1 with one bucket (main.go), built once for these sources and kept in the lab's
 * cache.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run } from "../../../provider/local/run.ts";
// biome-ignore lint/suspicious/noTsIgnore: a script without types
// @ts-ignore
import { goEnvironment, goProgram } from "../../../scripts/setup/pulumi.mjs";
import { cachePath, exists } from "../mirror/cache.ts";
import { withLock } from "../mirror/lock.ts";
import { startProcess } from "../processes.ts";

const SOURCES = import.meta.dirname;

/** The program; Go fetches its parts, whose checksums are in go.sum. */
async function program(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(SOURCES)).sort()) hash.update(name).update(await readFile(join(SOURCES, name)));
  const tools = await cachePath("..", "tools");
  const file = join(tools, `s3-${hash.digest("hex").slice(0, 16)}`);
  await withLock(`${file}.lock`, async () => {
    if (await exists(file)) return;
    const work = await mkdtemp(`${file}.`);
    const args = ["build", "-trimpath", "-buildvcs=false", "-o", join(work, "s3"), "."];
    const env = goEnvironment(work);
    await run(await goProgram(), args, { cwd: SOURCES, env, extendEnv: true, timeout: 600_000 });
    await rename(join(work, "s3"), file);
    await rm(work, { recursive: true });
  });
  return file;
}

export interface S3Lab {
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** What was asked for so far: `PUT /bucket/key true` (with a signature). */
  asked: string[];
  end(): Promise<unknown>;
}

export async function startS3(bucket: string): Promise<S3Lab> {
  const [accessKeyId, secretAccessKey] = ["PINELABKEY", "lab/Secret+0123456789abcdefghij"];
  const file = await program();
  const server = startProcess("S3 storage", file, [bucket], { cwd: "/", stdio: ["pipe", "pipe", "pipe"] });
  server.child.stdin!.write(`${accessKeyId} ${secretAccessKey}\n`);
  const asked: string[] = [];
  createInterface({ input: server.child.stderr! }).on("line", (line) => asked.push(line));
  const port = await new Promise<string>((done, failed) => {
    createInterface({ input: server.child.stdout! }).once("line", done);
    server.ended.then(() => failed(new Error(`the S3 storage did not start: ${asked.join(" ")}`)));
  });
  const end = () => {
    server.child.kill();
    return server.ended;
  };
  return { endpoint: `http://127.0.0.1:${port}`, bucket, accessKeyId, secretAccessKey, asked, end };
}
