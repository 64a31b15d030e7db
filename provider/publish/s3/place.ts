/** A published repository in a bucket of an S3-compatible storage, where a PUT writes an object whole or not at all. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { die, isAbort, messageOf, PineError } from "../../errors.ts";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { hashFile } from "../../image/store/artifact.ts";
import type { Answer } from "../../local/http.ts";
import type { Task } from "../../task.ts";
import { publishedAt } from "../../trust/publication.ts";
import { type Files, isContent, isOurs } from "../plan.ts";
import type { Remote } from "../remote.ts";
import { measured, parseKeys, refuseRedirect, S3_LIMITS, type S3Options, s3Problem, textOf } from "./answers.ts";

type Method = "GET" | "HEAD" | "PUT" | "DELETE";

/** Requests at a time. */
const AT_ONCE = 8;
/** Attempts of a request, with growing pauses between them. */
const ATTEMPTS = 4;

/** For caches on the way: which files never change, and which must be asked for again. */
const cacheControl = (path: string) => (isContent(path) ? "public, max-age=31536000, immutable" : "no-cache");

/**
 * A second name for the same file. OSTree asks for a delta's name as it is, and AWS reads a "+" in an address as a
 * space, so such a file is stored under both names. undefined: the path has no "+".
 */
export const twin = (path: string): string | undefined => (path.includes("+") ? path.replaceAll("+", " ") : undefined);

/** Drops an answer's body. */
const nothing = (answer: Answer): Promise<void> => answer.drop();
const fine = ({ status }: Answer) => status >= 200 && status < 300;

export class S3Remote implements Remote {
  readonly name: string;
  readonly property = "publish.s3";
  private readonly client: AwsClient;
  private readonly base: string;

  constructor(
    private readonly o: S3Options,
    private readonly task: Task,
    private readonly limits = S3_LIMITS,
    /** Milliseconds before the second attempt; each further one four times as long. */
    private readonly pause = 250,
  ) {
    const { accessKeyId, secretAccessKey, sessionToken, region = "us-east-1" } = o;
    this.client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: "s3", retries: 0 });
    this.base = `${o.endpoint.replace(/\/+$/, "")}/${o.bucket}`;
    this.name = [this.base, o.prefix].filter(Boolean).join("/");
  }

  private key(path: string): string {
    const key = this.o.prefix ? `${this.o.prefix}/${path}` : path;
    return `/${key.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** An address for messages. */
  private address(at: string): string {
    return this.base + at.replace(/\?.*/, "");
  }

  /** Sends a signed request, through the proxies of the environment. Loads the HTTP client only now. */
  private async send(
    method: Method,
    at: string,
    { headers, file }: { headers?: Record<string, string>; file?: { path: string; size: number } },
  ): Promise<Answer> {
    const { send } = await import("../../local/http.ts");
    const signed = await this.client.sign(this.base + at, { method, headers });
    const length = file && { "content-length": String(file.size) };
    return send(signed.url, {
      method,
      signal: this.task.signal,
      body: file && createReadStream(file.path),
      headers: { ...Object.fromEntries(signed.headers), ...length },
    });
  }

  /**
   * Sends a request, again if the storage or the way to it fails. Throws on other codes than success and those of `ok`.
   * `read`: reads the answer.
   */
  private async ask<T>(
    method: Method,
    at: string,
    o: { headers?: Record<string, string>; file?: { path: string; size: number }; ok?: number[] },
    read: (answer: Answer) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.task.signal.throwIfAborted();
      let trouble: string;
      let reached = false;
      try {
        const answer = await this.send(method, at, o);
        reached = true;
        if (fine(answer) || o.ok?.includes(answer.status)) return await read(answer);
        refuseRedirect(answer, this.o.endpoint);
        const xml = await textOf(answer, `the refusal of ${this.address(at)}`, this.limits.error);
        const problem = s3Problem(answer.status, xml, this.o);
        if ((answer.status < 500 && answer.status !== 429) || attempt >= ATTEMPTS) throw problem;
        trouble = problem.message;
      } catch (e) {
        if (e instanceof PineError || isAbort(e, this.task.signal) || (e as NodeJS.ErrnoException).syscall) throw e;
        const cause = e instanceof Error && e.cause ? messageOf(e.cause) : messageOf(e);
        const hint = "check endpoint, and that no firewall is in between";
        const what = reached ? `${this.address(at)} was cut off` : `${this.o.endpoint} cannot be reached`;
        if (attempt >= ATTEMPTS) die(`publish.s3: ${what}: ${cause}`, hint, e);
        trouble = cause;
      }
      this.task.step(`asking ${this.o.endpoint} again (${attempt} of ${ATTEMPTS - 1}): ${trouble}`);
      await sleep(this.pause * 4 ** (attempt - 1), undefined, { signal: this.task.signal });
    }
  }

  private async *keys(): AsyncGenerator<[string, number]> {
    const prefix = this.o.prefix ? `${this.o.prefix}/` : "";
    const seen = new Set<string>();
    let count = 0;
    for (let next: string | undefined, empty = 0; ; ) {
      const query = new URLSearchParams({ "list-type": "2", prefix, ...(next ? { "continuation-token": next } : {}) });
      const page = await this.ask("GET", `?${query}`, {}, (answer) =>
        textOf(answer, `a page of the list of ${this.name}`, this.limits.page).then(parseKeys),
      );
      // a list may contain keys without the prefix that was asked for
      for (const [key, size] of page.keys) if (key.startsWith(prefix)) yield [key.slice(prefix.length), size];
      next = page.next;
      if (!next) return;
      count += page.keys.length;
      empty = page.keys.length > 0 ? 0 : empty + 1;
      if (seen.has(next) || empty > 100 || count > this.limits.keys)
        die(
          `publish.s3: the list of ${this.name} does not end: ${count} keys, and more follow`,
          "give a bucket or prefix that holds nothing else",
        );
      seen.add(next);
    }
  }

  async look(ref: string) {
    const config = await this.read("config");
    let other = config !== undefined && !/^mode=archive(-z2)?$/m.test(config);
    // files that an interrupted first run left are ours
    if (config === undefined) for await (const [path] of this.keys()) other ||= !isOurs(path.replaceAll(" ", "+"));
    if (other) return { problem: `${this.name} holds something else: give an empty bucket or another prefix` };
    const commit = (await this.read(`refs/heads/${ref}`))?.trim();
    if (!commit || !CHECKSUM.test(commit)) return {};
    return { commit, published: publishedAt((await this.read(`pine/${ref}.manifest`)) ?? "") };
  }

  /** Runs `fn` without a lock, which a bucket lacks; the summary shows whether somebody else published meanwhile. */
  held<T>(_task: Task, fn: () => Promise<T>): Promise<T> {
    return fn();
  }

  private async read(path: string): Promise<string | undefined> {
    return this.ask("GET", this.key(path), { ok: [404] }, async (answer) => {
      const text = await textOf(answer, this.address(this.key(path)), this.limits.file);
      return fine(answer) ? text : undefined;
    });
  }

  async list() {
    const files: Files = new Map();
    for await (const [path, size] of this.keys()) if (isOurs(path)) files.set(path, size);
    return files;
  }

  async stamp() {
    return this.ask("HEAD", this.key("summary"), { ok: [404] }, async (answer) => {
      await answer.drop();
      return fine(answer) ? (answer.header("etag") ?? "") : "none";
    });
  }

  async fetch(files: Files, into: string, sent: (bytes: number) => void) {
    await this.each([...files.keys()], async (path) => {
      const at = this.key(path);
      const file = join(into, path);
      await mkdir(dirname(file), { recursive: true });
      const counted = async function* (body: AsyncIterable<Uint8Array>) {
        for await (const chunk of body) {
          sent(chunk.length);
          yield chunk;
        }
      };
      await this.ask("GET", at, {}, (answer) =>
        pipeline(
          measured(answer, this.address(at), { exactly: files.get(path)! }),
          counted,
          createWriteStream(file, { flags: "w" }),
        ),
      );
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
      await this.ask("PUT", this.key(path), { headers, file: { path: file, size } }, nothing);
      const other = twin(path);
      if (other) {
        const source = `/${this.o.bucket}${this.key(path)}`;
        await this.ask("PUT", this.key(other), { headers: { "x-amz-copy-source": source } }, nothing);
      }
      sent(size);
    });
  }

  async remove(paths: string[]) {
    const all = paths.flatMap((path) => [path, twin(path) ?? []].flat());
    await this.each(all, (path) => this.ask("DELETE", this.key(path), { ok: [404] }, nothing));
  }

  /** Works on a few paths at a time; the first failure ends it. */
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
