/** A published repository in a bucket of an S3-compatible storage. A PUT is whole or not at all there. */
import { createWriteStream, openAsBlob } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { die, isAbort, messageOf, PineError } from "../errors.ts";
import { shorten } from "../redact.ts";
import type { Task } from "../task.ts";
import { hashFile } from "./artifact.ts";
import { CHECKSUM } from "./ostree-check.ts";
import { type Files, isContent, isOurs } from "./publish-plan.ts";
import type { Remote } from "./publish-remote.ts";

export interface S3Options {
  /** Address of the storage's API, `https://s3.example.com`. */
  endpoint: string;
  bucket: string;
  /** Folder in the bucket, "" or without a slash at either end. */
  prefix?: string;
  /** Default "us-east-1", which those that have no regions take. */
  region?: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Requests at a time. */
const AT_ONCE = 8;
/** Attempts of a request, with growing pauses between them. */
const ATTEMPTS = 4;

/** The part of an S3 error that is for people: code and message, never what was signed. */
function said(xml: string): { code: string; message: string } {
  const tag = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return { code: tag("Code"), message: shorten(tag("Message"), 200) };
}

/** What a refusal means and what to do, by S3's code. Pure. */
export function s3Problem(status: number, xml: string, o: Pick<S3Options, "endpoint" | "bucket">): PineError {
  const { code, message } = said(xml);
  const known: Record<string, [string, string]> = {
    SignatureDoesNotMatch: ["the storage refused secretAccessKey", "give the one that belongs to accessKeyId"],
    InvalidAccessKeyId: ["the storage does not know accessKeyId", "give one of this storage"],
    AccessDenied: [
      `the key may not do this in the bucket ${o.bucket}`,
      "let it list the bucket, and get, put and delete objects",
    ],
    NoSuchBucket: [`there is no bucket ${o.bucket} at ${o.endpoint}`, "make it, and let everybody read its objects"],
    AuthorizationHeaderMalformed: [`the storage refused region: ${message}`, "give the region of the bucket"],
    PermanentRedirect: ["the bucket is in another region", "give that region's endpoint, and region"],
    RequestTimeTooSkewed: ["this machine's clock is wrong", "set it"],
  };
  const [what, hint] = known[code] ?? [`the storage answered ${status} ${code} ${message}`.trim(), undefined];
  return new PineError(`publish.s3: ${what}`, { hint });
}

/** What a page of a bucket's list has: keys with their bytes, and where the next page begins. Pure. */
export function parseKeys(xml: string): { keys: [string, number][]; next?: string } {
  const text = (s: string) =>
    s.replace(
      /&(amp|lt|gt|quot|apos|#39|#34);/g,
      (_, e) => ({ amp: "&", lt: "<", gt: ">", apos: "'", "#39": "'" })[e as string] ?? '"',
    );
  const keys = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, one]): [string, number] => [
    text(/<Key>([^<]*)<\/Key>/.exec(one!)?.[1] ?? ""),
    Number(/<Size>(\d+)<\/Size>/.exec(one!)?.[1] ?? 0),
  ]);
  const next = /<NextContinuationToken>([^<]*)</.exec(xml)?.[1];
  return { keys, next: next && text(next) };
}

/** For caches on the way: what never changes, and what is to be asked for again. */
const cacheControl = (path: string) => (isContent(path) ? "public, max-age=31536000, immutable" : "no-cache");

/**
 * OSTree asks for a delta's name as it is, and AWS takes a "+" in an address for a space: such a file is there by both names.
 * Undefined: the path has none.
 */
export const twin = (path: string): string | undefined => (path.includes("+") ? path.replaceAll("+", " ") : undefined);

export class S3Remote implements Remote {
  readonly name: string;
  readonly property = "publish.s3";
  private readonly client: AwsClient;
  private readonly base: string;

  constructor(
    private readonly o: S3Options,
    private readonly task: Task,
  ) {
    const { accessKeyId, secretAccessKey, region = "us-east-1" } = o;
    this.client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
    this.base = `${o.endpoint.replace(/\/+$/, "")}/${o.bucket}`;
    this.name = [this.base, o.prefix].filter(Boolean).join("/");
  }

  private key(path: string): string {
    const key = this.o.prefix ? `${this.o.prefix}/${path}` : path;
    return `/${key.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** One request, again when the storage or the way to it is in trouble. Dies but for the codes of `ok`. */
  private async ask(
    method: string,
    at: string,
    o: { headers?: Record<string, string>; body?: () => Promise<Blob>; ok?: number[] } = {},
  ) {
    for (let attempt = 1; ; attempt++) {
      this.task.signal.throwIfAborted();
      let trouble: string;
      try {
        const body = await o.body?.();
        const answer = await this.client.fetch(this.base + at, {
          method,
          headers: o.headers,
          body,
          signal: this.task.signal,
        });
        if (answer.ok || o.ok?.includes(answer.status)) return answer;
        const problem = s3Problem(answer.status, await answer.text(), this.o);
        if ((answer.status < 500 && answer.status !== 429) || attempt >= ATTEMPTS) throw problem;
        trouble = problem.message;
      } catch (e) {
        if (e instanceof PineError || isAbort(e, this.task.signal)) throw e;
        const cause = e instanceof Error && e.cause ? messageOf(e.cause) : messageOf(e);
        const hint = "check endpoint, and that no firewall is in between";
        if (attempt >= ATTEMPTS) die(`publish.s3: ${this.o.endpoint} cannot be reached: ${cause}`, hint, e);
        trouble = cause;
      }
      this.task.step(`asking ${this.o.endpoint} again (${attempt} of ${ATTEMPTS - 1}): ${trouble}`);
      await sleep(250 * 4 ** (attempt - 1), undefined, { signal: this.task.signal });
    }
  }

  private async *keys(): AsyncGenerator<[string, number]> {
    const prefix = this.o.prefix ? `${this.o.prefix}/` : "";
    let next: string | undefined;
    do {
      const query = new URLSearchParams({ "list-type": "2", prefix, ...(next ? { "continuation-token": next } : {}) });
      const page = parseKeys(await (await this.ask("GET", `?${query}`)).text());
      for (const [key, size] of page.keys) yield [key.slice(prefix.length), size];
      next = page.next;
    } while (next);
  }

  async look(ref: string) {
    const config = await this.read("config");
    let other = config !== undefined && !/^mode=archive(-z2)?$/m.test(config);
    // what a first time that was cut off left is ours
    if (config === undefined) for await (const [path] of this.keys()) other ||= !isOurs(path.replaceAll(" ", "+"));
    if (other) return { problem: `${this.name} holds something else: give an empty bucket or another prefix` };
    const commit = (await this.read(`refs/heads/${ref}`))?.trim();
    return commit && CHECKSUM.test(commit) ? { commit } : {};
  }

  /** Nothing is held there: who comes between is seen by the summary. */
  held<T>(_task: Task, fn: () => Promise<T>): Promise<T> {
    return fn();
  }

  private async read(path: string): Promise<string | undefined> {
    const answer = await this.ask("GET", this.key(path), { ok: [404] });
    const text = await answer.text();
    return answer.ok ? text : undefined;
  }

  async list() {
    const files: Files = new Map();
    for await (const [path, size] of this.keys()) if (isOurs(path)) files.set(path, size);
    return files;
  }

  async stamp() {
    const answer = await this.ask("HEAD", this.key("summary"), { ok: [404] });
    return answer.ok ? (answer.headers.get("etag") ?? "") : "none";
  }

  async fetch(paths: string[], into: string, sent: (bytes: number) => void) {
    await this.each(paths, async (path) => {
      const answer = await this.ask("GET", this.key(path));
      const file = join(into, path);
      await mkdir(dirname(file), { recursive: true });
      const counted = async function* (body: AsyncIterable<Uint8Array>) {
        for await (const chunk of body) {
          sent(chunk.length);
          yield chunk;
        }
      };
      await pipeline(Readable.fromWeb(answer.body as never), counted, createWriteStream(file));
    });
  }

  async put(paths: string[], from: string, sent: (bytes: number) => void) {
    await this.each(paths, async (path) => {
      const file = join(from, path);
      const { size, sha256 } = await hashFile(file, this.task.signal);
      const headers = {
        "x-amz-content-sha256": sha256,
        "cache-control": cacheControl(path),
        "content-type": "application/octet-stream",
      };
      await this.ask("PUT", this.key(path), { headers, body: () => openAsBlob(file) });
      const other = twin(path);
      if (other) {
        const source = `/${this.o.bucket}${this.key(path)}`;
        await this.ask("PUT", this.key(other), { headers: { "x-amz-copy-source": source } });
      }
      sent(size);
    });
  }

  async remove(paths: string[]) {
    const all = paths.flatMap((path) => [path, twin(path) ?? []].flat());
    await this.each(all, async (path) => void (await this.ask("DELETE", this.key(path), { ok: [404] })));
  }

  /** A few at a time; the first that fails ends it. */
  private async each(paths: string[], work: (path: string) => Promise<void>): Promise<void> {
    const queue = paths.values();
    let failed = false;
    const worker = async () => {
      for (const path of queue) {
        if (failed) return;
        await work(path).catch((e) => {
          failed = true;
          throw e;
        });
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
    for (const end of ended) if (end.status === "rejected") throw end.reason;
  }
}
