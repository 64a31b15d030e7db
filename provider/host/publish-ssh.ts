/** A published repository in a folder of a server, over SSH: sh, tar and find are all it needs there. */
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as tar from "tar";
import { assetText } from "../assets.ts";
import { die, isAbort, PineError } from "../errors.ts";
import { type Files, isOurs } from "../image/publish-plan.ts";
import type { Remote } from "../image/publish-remote.ts";
import type { Task } from "../task.ts";
import { keyValues } from "./agent.ts";
import type { Connection } from "./connection-type.ts";
import { openSsh } from "./ssh.ts";
import type { ExecOptions, Ssh } from "./types.ts";

/** Why a folder cannot be published to, by what publish.sh says of it. */
const PROBLEMS: Record<string, string> = {
  missing: "is not there: make it, and let the web server read it",
  file: "is no folder",
  unreadable: "cannot be read by that user",
  unwritable: "cannot be written by that user: give it to them (chown)",
  other: "holds something else: give an empty folder",
};

/** What publish.sh's `look` printed. */
export function parseLook(text: string, path: string): { problem?: string; commit?: string } {
  const values = keyValues(text);
  const state = values.get("state") ?? "";
  if (state !== "empty" && state !== "repo") return { problem: `${path} ${PROBLEMS[state] ?? "cannot be looked at"}` };
  const lacks = values.get("lacks");
  if (lacks) return { problem: `the server has no ${lacks}: install it there` };
  const commit = values.get("commit");
  return commit && /^[0-9a-f]{64}$/.test(commit) ? { commit } : {};
}

/** Lines of `ls -ln`: what is ours, with its bytes. */
export function parseList(text: string): Files {
  const files: Files = new Map();
  for (const line of text.split("\n")) {
    const [, size, path] = /^-\S+ +\d+ +\S+ +\S+ +(\d+) +\S+ +\S+ +\S+ (.+)$/.exec(line) ?? [];
    if (path && isOurs(path)) files.set(path, Number(size));
  }
  return files;
}

/** Names in one go: of some 120 letters each, far below what a server's programs take (2 MB). */
const AT_ONCE = 1000;

/** What tar calls a file, in its formats. */
const PLAIN = ["File", "OldFile", "ContiguousFile"];

const lines = (paths: string[]) => paths.map((p) => `${p}\n`).join("");

/** A connection's errors name the property that the user wrote. */
function named(error: unknown): unknown {
  if (!(error instanceof PineError) || isAbort(error)) return error;
  return new PineError(`publish.ssh: ${error.message.replaceAll(/\bconnection\./g, "publish.ssh.")}`, { cause: error });
}

/** Runs `fn` with a folder of a server, over one connection. */
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
  readonly property = "publish.path";
  readonly name: string;
  constructor(
    private readonly ssh: Ssh,
    private readonly path: string,
  ) {
    this.name = `${ssh.target}:${path}`;
  }

  private async run(command: string, what: string, o: ExecOptions = {}, ...more: string[]): Promise<string> {
    const script = assetText("system/host/publish.sh");
    return (
      await this.ssh.exec(script, [command, this.path, ...more], { root: false, what, ...o }).catch((e) => {
        throw named(e);
      })
    ).stdout;
  }

  async look(ref: string) {
    const found = parseLook(await this.run("look", "looking at the folder", { timeout: 60_000 }, ref), this.path);
    return { ...found, problem: found.problem && `${found.problem} (${this.ssh.target})` };
  }

  /** Holds the folder while `fn` runs: the server lets go of it when the connection ends, whatever ended it. */
  async held<T>(task: Task, fn: () => Promise<T>): Promise<T> {
    const input = new Readable({ read() {} });
    let ready = () => {};
    const held = new Promise<void>((done) => {
      ready = done;
    });
    const onLine = (line: string) => {
      if (line === "held") ready();
      else if (line === "busy") task.step(`waiting for another one that publishes to ${this.name}`);
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
    return parseList(await this.run("list", "listing what is published"));
  }

  stamp() {
    return this.run("stamp", "looking at the summary");
  }

  async fetch(paths: string[], into: string, sent: (bytes: number) => void) {
    for (let n = 0; n < paths.length; n += AT_ONCE) {
      const names = paths.slice(n, n + AT_ONCE);
      const output = new PassThrough();
      output.on("data", (chunk: Buffer) => sent(chunk.length));
      let other: string | undefined;
      // a link, of whatever kind, could lead whoever writes there later out of the folder
      const filter = (name: string, entry: unknown) => {
        const type = (entry as tar.ReadEntry).type;
        if (names.includes(name) && !PLAIN.includes(type)) other ??= `${name} as ${type}`;
        return names.includes(name) && PLAIN.includes(type);
      };
      const unpacked = pipeline(output, tar.extract({ cwd: into, strict: true, preserveOwner: false, filter }));
      unpacked.catch(() => {});
      await this.run("get", "fetching what is published", { output }, ...names);
      output.end();
      await unpacked;
      if (other)
        die(
          `publish.ssh: ${this.name} sent ${other}, and a repository has files alone`,
          "see who else writes there, empty it, and run `pulumi up` again",
        );
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
