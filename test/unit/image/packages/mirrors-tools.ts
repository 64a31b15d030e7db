/** Mirrors of the same few packages: real servers, of which each can be in a trouble of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LockedPackage } from "../../../../provider/image/packages/mirror.ts";
import type { Source } from "../../../../provider/image/packages/source.ts";
import type { Task } from "../../../../provider/task.ts";
import { buildIndex, buildPackage, publicPem, type SigningKey } from "../../../lab/mirror/apk-format.ts";

export interface Built {
  locked: LockedPackage;
  /** Block of an index. */
  block: string;
  path: string;
  bytes: Buffer;
}

/** A package of the repository main; `content` makes another one of the same name and version. */
export async function aPackage(
  name: string,
  key: SigningKey,
  o: { content?: string; built?: number } = {},
): Promise<Built> {
  const files = [{ path: `etc/${name}`, content: o.content ?? `${name}\n` }];
  const spec = { name, version: "1.0-r0", description: name, files, buildTime: o.built };
  const { bytes, index, fileName } = await buildPackage(spec as never, key);
  const block = index.replace(/^t:.*$/m, `t:${o.built ?? 1_700_000_000}`);
  const checksum = /^C:(.*)$/m.exec(index)![1]!;
  // signatures are not all of one length
  const rest = { size: bytes.length + 100, installedSize: 1, built: 1, repository: "main" };
  return {
    locked: { name, version: "1.0-r0", checksum, ...rest },
    block,
    bytes,
    path: `v3.23/main/x86_64/${fileName}`,
  };
}

export class Mirror {
  private static count = 0;
  readonly files = new Map<string, Buffer>();
  readonly asked: { path: string; authorization?: string }[] = [];
  /** Answers instead of the files; false: the files after all. */
  trouble: (q: IncomingMessage, r: ServerResponse, path: string) => boolean = () => false;
  url = "";
  /** What is known of a mirror is known by its address, and ports come again. */
  private readonly folder = `alpine${++Mirror.count}`;
  private server?: Server;

  async start(port = 0): Promise<this> {
    this.server = createServer((q, r) => {
      // as object stores do: a plus that is not encoded is a space (chainguard-dev/apko#1455, aptly-dev/aptly#98)
      const path = decodeURIComponent((q.url ?? "").replace(`/${this.folder}/`, "").replaceAll("+", "%20"));
      this.asked.push({ path, authorization: q.headers.authorization });
      if (this.trouble(q, r, path)) return;
      const body = this.files.get(path);
      if (!body) return void r.writeHead(404).end();
      const etag = `"${body.length}-${body.subarray(-12).toString("hex")}"`;
      if (q.headers["if-none-match"] === etag) return void r.writeHead(304, { etag }).end();
      r.writeHead(200, { etag, "content-length": body.length }).end(body);
    });
    await new Promise<void>((done) => this.server!.listen(port, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${this.folder}`;
    return this;
  }

  /** The index of a repository, and its packages. */
  async has(packages: Built[], key: SigningKey, repository = "main"): Promise<void> {
    const blocks = packages.map((p) => p.block);
    this.files.set(
      `v3.23/${repository}/x86_64/APKINDEX.tar.gz`,
      Buffer.from(await buildIndex(blocks, repository, key)),
    );
    for (const p of packages) this.files.set(p.path, p.bytes);
  }

  end(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}

/** Two of them with the same content, the second for when the first fails, and a cache. */
export interface TwoMirrors {
  a: Mirror;
  b: Mirror;
  /** What the task was warned of. */
  warned: string[];
  task: Task;
  source(): Source;
  end(): void;
}

export async function twoMirrors(packages: Built[], key: SigningKey): Promise<TwoMirrors> {
  const cache = mkdtempSync(join(tmpdir(), "pine-mirrors-"));
  const [a, b] = await Promise.all([new Mirror().start(), new Mirror().start()]);
  for (const m of [a, b]) {
    await m.has(packages, key);
    await m.has([], key, "community");
  }
  const warned: string[] = [];
  const keys = { [key.name]: publicPem(key.key) };
  return {
    a,
    b,
    warned,
    task: { signal: new AbortController().signal, step() {}, warn: (text) => warned.push(text) },
    source: () => ({ cache, mirror: a.url, fallbacks: [b.url], release: "v3.23", arch: "x86_64", keys }),
    end: () => {
      for (const m of [a, b]) m.end();
      rmSync(cache, { recursive: true });
    },
  };
}
