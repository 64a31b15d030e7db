/** A disk image as it is sent to a server: from any block on, with a digest of every block. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { PassThrough, type Readable, Writable } from "node:stream";
import type { Task } from "../../task.ts";
import type { Store } from "../store/store.ts";
import { ZSTD_LEVEL } from "../sysroot/archive.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import type { Image, ImageFacts } from "./image.ts";

/** Bytes of a block: what is written, read back and compared at once (host/ways/overwrite/disk.sh). */
export const BLOCK = 4 * 1024 * 1024;

/** The store's image with this sha256 of its file, whatever made it, in any format. */
export async function imageBySha256(store: Store, sha256: string): Promise<Image | undefined> {
  for (const file of await readdir(store.path("images")).catch(() => [])) {
    const [, name] = /^(.+)\.json$/.exec(file) ?? [];
    const facts = name && (await store.readJson<ImageFacts>(store.path("images", file)).catch(() => undefined));
    if (!name || !facts || facts.sha256 !== sha256) continue;
    // an image from before there were formats and labels
    const { fileFormat = "raw.zst", label = "gpt" }: Partial<ImageFacts> = facts;
    const suffix = `.${fileFormat}`;
    const of = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
    return { ...facts, fileFormat, label, name: of, path: store.image(of, fileFormat) };
  }
  return undefined;
}

/** Digests of all blocks of the disk, of a raw.zst; the last one may be shorter. */
export async function blockDigests(box: Toolbox, image: Image, task: Task): Promise<string[]> {
  const digests: string[] = [];
  let hash: Hash | undefined;
  let filled = 0;
  const end = () => {
    if (hash) digests.push(hash.digest("hex"));
    hash = undefined;
    filled = 0;
  };
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + BLOCK - filled);
        hash ??= createHash("sha256");
        hash.update(part);
        filled += part.length;
        at += part.length;
        if (filled === BLOCK) end();
      }
      done();
    },
  });
  await box.run(["zstd", "-dcq", "/run/image.zst"], {
    signal: task.signal,
    output,
    binds: [{ source: image.path, target: "/run/image.zst", readOnly: true }],
  });
  await new Promise<void>((done) => output.end(done));
  end();
  return digests;
}

/**
 * The disk of a raw.zst from block `from` on, compressed. The stream's end is the image's end; an error destroys it.
 */
export function imageStream(box: Toolbox, image: Image, from: number, task: Task): Readable {
  if (from === 0) return createReadStream(image.path, { highWaterMark: 1 << 18, signal: task.signal });
  const output = new PassThrough();
  const script = `zstd -dcq /run/image.zst | tail -c +$1 | zstd -q -c -T0 -${ZSTD_LEVEL}`;
  box
    .run(["/bin/sh", "-c", script, "sh", String(from * BLOCK + 1)], {
      signal: task.signal,
      output,
      binds: [{ source: image.path, target: "/run/image.zst", readOnly: true }],
    })
    .then(
      () => output.end(),
      (error) => output.destroy(error),
    );
  return output;
}
