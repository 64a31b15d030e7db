/** Archives for tests: tars as their raw headers say, folders, packed files. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Header, Pax } from "tar";
import { archiveDigest, entriesOfArchive } from "../../../../provider/image/archive/read.ts";
import { Archive, Asset } from "../../../../provider/properties/values.ts";

/** One entry of a tar, as its header has it. */
export interface One {
  path: string;
  type?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  uname?: string;
  mtime?: Date;
  linkpath?: string;
  devmaj?: number;
  devmin?: number;
  content?: string | Buffer;
  /** Also as extended header. */
  pax?: object;
}
const END = Buffer.alloc(1024);
const body = (content: Buffer) => Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);

/** A tar as its raw headers say, without what a tar program would look at. */
export function raw(...entries: One[]): Buffer {
  const parts = entries.flatMap(({ content = "", pax, type = "File", ...rest }) => {
    const bytes = Buffer.from(content);
    const block = Buffer.alloc(512);
    const one = { mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), ...rest, type, size: bytes.length };
    new Header(one as never).encode(block);
    return [...(pax ? [new Pax(pax as never).encode()] : []), block, body(bytes)];
  });
  return Buffer.concat([...parts, END]);
}
const work = fs.mkdtempSync(join(tmpdir(), "pine-unpack-"));
/** Removes every file made here. */
export const removeAll = () => fs.rmSync(work, { recursive: true, force: true });
/** A path where nothing is yet. */
export const fresh = (name: string) => join(work, `${++count}-${name}`);
let count = 0;
/** A new file of this name. */
export function saved(bytes: Uint8Array, name = "x.tar"): Archive {
  const path = join(work, `${++count}`, name);
  fs.mkdirSync(dirname(path));
  fs.writeFileSync(path, bytes);
  return new Archive({ path });
}
export const tarOf = (...entries: One[]) => saved(raw(...entries));
/** A new folder, filled. */
export function folder(fill: (dir: string) => void): Archive {
  const path = join(work, `${++count}`);
  fs.mkdirSync(path);
  fill(path);
  return new Archive({ path });
}
export const text = (t: string) => new Asset({ text: t });
export const read = (a: Archive) => entriesOfArchive(a, 'files["/srv"].archive');
export const digest = async (a: Archive) => archiveDigest(await read(a));
export const link = (path: string, linkpath: string): One => ({ path, type: "SymbolicLink", linkpath });
export const dir = (path: string, mode = 0o755): One => ({ path, type: "Directory", mode });
