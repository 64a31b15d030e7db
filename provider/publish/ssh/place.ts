/** A published repository in a folder of a server, over SSH. The server needs only sh, tar and find. */
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as tar from "tar";
import { assetText } from "../../assets.ts";
import { isAbort, PineError } from "../../errors.ts";
import { keyValues } from "../../host/ssh/answers.ts";
import type { Connection } from "../../host/ssh/connection.ts";
import { openSsh } from "../../host/ssh/open.ts";
import type { ExecOptions, Ssh } from "../../host/ssh/types.ts";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { shorten } from "../../redact.ts";
import type { Task } from "../../task.ts";
import { humanBytes } from "../../words.ts";
import { type Files, isOurs } from "../plan.ts";
import type { Looked, Remote } from "../remote.ts";

/** Why a folder cannot be published to, by the state that place.sh prints. */
const PROBLEMS: Record<string, string> = {
  missing: "is not there: make it, and let the web server read it",
  file: "is not a folder",
  unreadable: "cannot be read by that user",
  unwritable: "cannot be written by that user: give it to them (chown)",
  other: "holds something else: give an empty folder",
  shared:
    "has folders that users other than root may write to, and the login is root: give it to one user (chown -R), or remove that right (chmod -R go-w)",
};

/** The script that runs place.sh with the rights of the folder's owner. */
export const asOwnerScript = () =>
  ["host/files/safely.sh", "publish/ssh/as-owner.sh"].map((f) => assetText(f)).join("\n");

/** Parses what place.sh's `look` printed. */
export function parseLook(text: string, path: string): Looked {
  const values = keyValues(text);
  const state = values.get("state") ?? "";
  if (state !== "empty" && state !== "repo") return { problem: `${path} ${PROBLEMS[state] ?? "cannot be checked"}` };
  const lacks = values.get("lacks");
  if (lacks) return { problem: `the server has no ${lacks}: install it there` };
  const commit = values.get("commit");
  return commit && CHECKSUM.test(commit) ? { commit, published: Number(values.get("published")) || undefined } : {};
}

/** Parses lines of `ls -ln`: files that are ours, with their bytes. */
export function parseList(text: string): Files {
  const files: Files = new Map();
  for (const line of text.split("\n")) {
    const [, size, path] = /^-\S+ +\d+ +\S+ +\S+ +(\d+) +\S+ +\S+ +\S+ (.+)$/.exec(line) ?? [];
    if (path && isOurs(path)) files.set(path, Number(size));
  }
  return files;
}

/** Names per command: some 120 letters each, far below what a server's programs take (2 MB). */
const AT_ONCE = 1000;

/** tar's entry types for a file, in its formats. */
const PLAIN = ["File", "OldFile", "ContiguousFile"];

/**
 * Bytes of a list: some 130 a file, so enough for half a million files. And of the few lines that other commands print.
 */
const LIST_LIMIT = 64 << 20;
const SAID_LIMIT = 64 << 10;
/**
 * Bytes that tar may add. Per file: its head, the rest of its last block, and a long name before it. At the end: a
 * record (10 kB) and a block.
 */
const TAR_FILE = 2560;
const TAR_END = 20 << 10;

const SOMEBODY = "find out who else writes there; if nobody does, empty it, and run `pulumi up` again";
const tooLong = (name: string, what: string, limit: number) =>
  new PineError(`publish.ssh: ${name} sent more than ${humanBytes(limit)} (${what})`, { hint: SOMEBODY });

/** Passes pieces on, and fails after `limit` bytes. */
async function* pieces(body: AsyncIterable<Buffer>, limit: number, error: () => Error) {
  let sum = 0;
  for await (const piece of body) {
    sum += piece.length;
    if (sum > limit) throw error();
    yield piece;
  }
}
const limited = (limit: number, error: () => Error) => (body: AsyncIterable<Buffer>) => pieces(body, limit, error);

/** Waits for both. If reading fails, it does not wait for the sender. */
async function whileGood(read: Promise<void>, running: Promise<unknown>): Promise<void> {
  for (const one of [running, read]) one.catch(() => {});
  await Promise.race([running, read.then(() => running)]);
  await read;
}

const lines = (paths: string[]) => paths.map((p) => `${p}\n`).join("");

/** Makes a connection's errors name the property that the user wrote. */
function named(error: unknown): unknown {
  if (!(error instanceof PineError) || isAbort(error)) return error;
  return new PineError(`publish.ssh: ${error.message.replaceAll(/\bconnection\./g, "publish.ssh.connection.")}`, {
    cause: error,
  });
}

/** Runs `fn` with a server's folder, over one connection. */
export async function withSshRemote<T>(
  connection: Connection,
  path: string,
  task: Task,
  fn: (remote: Remote) => Promise<T>,
): Promise<T> {
  const ssh = await openSsh(connection, task).catch((e) => Promise.reject(named(e)));
  try {
    return await fn(new Folder(ssh, path));
  } finally {
    await ssh.close();
  }
}

class Folder implements Remote {
  readonly property = "publish.ssh.folder";
  readonly name: string;
  constructor(
    private readonly ssh: Ssh,
    private readonly path: string,
  ) {
    this.name = `${ssh.target}:${path}`;
  }

  private async run(command: string, what: string, o: ExecOptions = {}, ...more: string[]): Promise<string> {
    const [asOwner, script] = [asOwnerScript(), assetText("publish/ssh/place.sh")];
    return (
      await this.ssh.exec(asOwner, [script, command, this.path, ...more], { root: false, what, ...o }).catch((e) => {
        throw named(e);
      })
    ).stdout;
  }

  async look(ref: string) {
    const said = await this.text(SAID_LIMIT, "look", "checking the folder", { timeout: 60_000 }, ref);
    const found = parseLook(said, this.path);
    return { ...found, problem: found.problem && `${found.problem} (${this.ssh.target})` };
  }

  /** Holds the folder while `fn` runs. The server releases it when the connection ends, for whatever reason. */
  async held<T>(task: Task, fn: () => Promise<T>): Promise<T> {
    const input = new Readable({ read() {} });
    let ready = () => {};
    const held = new Promise<void>((done) => {
      ready = done;
    });
    const onLine = (line: string) => {
      if (line === "held") ready();
      else if (line === "busy") task.step(`waiting for another run that publishes to ${this.name}`);
    };
    const holding = this.run("hold", "holding the folder", { input, onLine });
    holding.catch(() => {});
    try {
      await Promise.race([held, holding]);
      return await fn();
    } finally {
      input.push(null);
      await holding.catch(() => {});
    }
  }

  async list() {
    return parseList(await this.text(LIST_LIMIT, "list", "listing what is published"));
  }

  stamp() {
    return this.text(SAID_LIMIT, "stamp", "reading the summary");
  }

  /**
   * What a command prints. Fails as soon as that is longer than `limit` bytes; then the connection ends, and so does
   * the command.
   */
  private async text(limit: number, command: string, what: string, o: ExecOptions = {}, ...more: string[]) {
    const pieces: Buffer[] = [];
    const output = new PassThrough();
    const read = pipeline(
      output,
      limited(limit, () => tooLong(this.name, what, limit)),
      async (body) => {
        for await (const piece of body) pieces.push(piece as Buffer);
      },
    );
    await whileGood(
      read,
      this.run(command, what, { ...o, output }, ...more).finally(() => output.end()),
    );
    return Buffer.concat(pieces).toString("utf8");
  }

  async fetch(files: Files, into: string, sent: (bytes: number) => void) {
    const all = [...files.keys()];
    for (let n = 0; n < all.length; n += AT_ONCE) {
      const names = all.slice(n, n + AT_ONCE);
      const output = new PassThrough();
      output.on("data", (chunk: Buffer) => sent(chunk.length));
      let refuse: (error: Error) => void = () => {};
      // fails at once: node-tar does not go on after a file whose content is not taken
      const refused = new Promise<never>((_, failed) => {
        refuse = failed;
      });
      // a link of any kind could lead later writes out of the folder
      const filter = (name: string, entry: unknown) => {
        const { type, size } = entry as tar.ReadEntry;
        const listed = names.includes(name) ? files.get(name) : undefined;
        const kind = PLAIN.includes(type) ? "" : ` as ${type}`;
        if (kind === "" && size === listed) return true;
        const why =
          listed === undefined
            ? `${shorten(name, 100)}${kind}, which was not asked for`
            : kind
              ? `${name}${kind}, and a repository has only files`
              : `${name} with ${size} bytes, and it had listed ${listed}`;
        refuse(new PineError(`publish.ssh: ${this.name} sent ${why}`, { hint: SOMEBODY }));
        return false;
      };
      const most = names.reduce((sum, name) => sum + files.get(name)! + TAR_FILE, TAR_END);
      const body = limited(most, () => tooLong(this.name, `${names.length} files that it had listed`, most))(output);
      const unpacked = pipeline(
        // a stream, since Node's pipeline waits for ever behind a generator for node-tar, which may say that it is done
        // within end()
        Readable.from(body),
        tar.extract({ cwd: into, strict: true, preserveOwner: false, filter }),
      );
      const get = this.run("get", "fetching what is published", { output }, ...names).finally(() => output.end());
      await whileGood(Promise.race([unpacked, refused]), get);
    }
  }

  async put(paths: string[], from: string, sent: (bytes: number) => void) {
    const packed = tar.create({ cwd: from, portable: true, noPax: true, strict: true }, paths);
    const input = Readable.from(
      (async function* () {
        for await (const chunk of packed as AsyncIterable<Buffer>) {
          sent(chunk.length);
          yield chunk;
        }
      })(),
    );
    await this.run("put", "publishing", { input });
  }

  async remove(paths: string[]) {
    await this.run("remove", "removing what is no longer published", { input: lines(paths) });
  }
}
