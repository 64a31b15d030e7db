/**
 * A made-up server that pulls: a Sysroot with all of libexec/pine, in one shell, and a web server with a real published
 * repository. Programs of a test stand only for what reboots, and for health checks.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { assetText } from "../../../provider/assets.ts";
import type { SlotName } from "../../../provider/boot/slot.ts";
import { agentScript } from "../../../provider/host/scripts.ts";
import type { RunResult } from "../../../provider/local/run.ts";
import { type Manifest, manifestFile, type Signers, signManifest } from "../../../provider/trust/manifest.ts";
import { nextPublication, parseManifestFile, type Statement } from "../../../provider/trust/publication.ts";
import { keyOf } from "../trust/a-manifest.ts";
import { Sysroot } from "./sysroot-tools.ts";

export const REF = "pine/x86_64/stable";
const PIECES =
  "agent deployments ended flush health hooks hostkeys judge limited lock prelude probe pull pulling requests sessions system told trials trust upgrade window witnesses words".split(
    " ",
  );
/** What busybox has itself; with dash they are this machine's. */
const APPLETS =
  "awk basename cat chmod cmp cp cut date dd find flock grep head ls mkdir mkfifo mktemp mv paste printf readlink rm sed seq setsid sh sha256sum sleep sort stat tail timeout touch tr uniq wc".split(
    " ",
  );

export type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export class Puller {
  readonly asked: string[] = [];
  /** Answers instead of the repository; false: the repository does. */
  answer: Answer = () => false;
  readonly repo: string;
  private readonly server: Server;
  /** What a publication is made of, where a test does not say otherwise. */
  signers: Signers = { keys: [keyOf(1)], spare: [] };

  private constructor(readonly s: Sysroot) {
    this.repo = join(s.dir, "published");
    this.server = createServer((request, response) => this.serve(request, response));
  }

  /** `etc`: files of /etc of its commits. */
  static async make(shell: string[], etc: Record<string, string> = {}): Promise<Puller> {
    const p = new Puller(await Sysroot.make(etc));
    p.s.shell = shell;
    await p.s.ostree(["init", `--repo=${p.repo}`, "--mode=archive"]);
    await new Promise<void>((done) => p.server.listen(0, "127.0.0.1", done));
    const bin = join(p.s.scripts, "bin");
    const lib = join(p.s.scripts, "lib");
    mkdirSync(lib);
    const interpreter = shell.length > 1 ? "/usr/bin/busybox sh" : "/usr/bin/dash";
    for (const name of PIECES) {
      // it has its pieces with it
      const text = name === "agent" ? agentScript() : assetText("system/rootfs/usr/libexec/pine", name);
      writeFileSync(join(lib, name), text.replace("#!/bin/sh", `#!${interpreter}`));
      chmodSync(join(lib, name), 0o755);
    }
    const applets = shell.length > 1 ? execFileSync("busybox", ["--list"], { encoding: "utf8" }).split("\n") : [];
    for (const name of APPLETS.filter((a) => applets.includes(a))) symlinkSync("/usr/bin/busybox", join(bin, name));
    // a link to /etc/alternatives, which is this machine's
    if (shell.length === 1) symlinkSync(realpathSync("/usr/bin/awk"), join(bin, "awk"));
    symlinkSync("/usr/bin/signify-openbsd", join(bin, "signify"));
    p.program("logger", 'echo "$*" >>/sysroot/log');
    // the namespace ends first: a reboot is only written down
    p.program("reboot", "echo rebooted >>/sysroot/rebooted");
    p.trust(signManifest(p.manifest(p.s.first, "1.0.0"), p.signers));
    p.settings({});
    return p;
  }

  get url() {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  manifest(checksum: string, version: string, more: Partial<Manifest> = {}): Manifest {
    return { checksum, ref: REF, version, arch: "x86_64", target: "container", created: 1_700_000_000, ...more };
  }

  memory = (path = "") => join(this.s.root, "ostree/deploy/pine/var/lib/pine", path);
  has = (path: string) => existsSync(this.memory(path));
  text = (path: string) => readFileSync(this.memory(path), "utf8");
  state = (name: string) =>
    new RegExp(`^${name}=(.*)$`, "m").exec(this.has("pull/state") ? this.text("pull/state") : "")?.[1];

  /** What it told its log. */
  log = () => (existsSync(join(this.s.root, "log")) ? readFileSync(join(this.s.root, "log"), "utf8") : "");

  /** The manifest that the server keeps. */
  trust(signed: { text: string }): void {
    mkdirSync(this.memory("trust"), { recursive: true });
    writeFileSync(this.memory("trust/manifest"), signed.text);
  }

  settings(lines: Record<string, string>): void {
    mkdirSync(this.memory(), { recursive: true });
    const all = { url: this.url, ref: REF, id: "server-1", reboot: "manual", every: "86400", ...lines };
    const text = Object.entries(all).flatMap(([name, value]) => value.split("\n").map((one) => `${name}=${one}\n`));
    writeFileSync(this.memory("updates"), text.join(""));
  }

  program(name: string, text: string): void {
    writeFileSync(join(this.s.scripts, "bin", name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(this.s.scripts, "bin", name), 0o755);
  }

  /** A file of the published folder. */
  published = (path: string) => join(this.repo, path);
  put(path: string, text: string): void {
    mkdirSync(join(this.published(path), ".."), { recursive: true });
    writeFileSync(this.published(path), text);
  }

  /** Publishes a commit, as provider/publish does; with a delta from another. */
  async publish(
    name: string,
    version: string,
    o: { statement?: Partial<Statement>; more?: Partial<Manifest>; from?: string; checksum?: string; at?: number } = {},
  ): Promise<string> {
    const checksum = o.checksum ?? (await this.s.commit(name, { repo: this.repo }));
    if (o.from) {
      await this.s.ostree(["pull-local", `--repo=${this.repo}`, join(this.s.root, "ostree/repo"), o.from]);
      const how = ["--inline", "--min-fallback-size=0", `--from=${o.from}`, `--to=${checksum}`];
      await this.s.ostree(["static-delta", "generate", `--repo=${this.repo}`, ...how]);
    }
    await this.s.ostree(["summary", `--repo=${this.repo}`, "--update"]);
    const file = (path: string) => (existsSync(this.published(path)) ? readFileSync(this.published(path), "utf8") : "");
    const before = { manifest: parseManifestFile(file(`pine/${REF}.manifest`)), keys: file(`pine/${REF}.keys`) };
    const statement = { withdrawn: [], barriers: [], ...o.statement };
    const m = this.manifest(checksum, version, o.more);
    const next = nextPublication(m, this.signers, statement, before, o.at ?? 1_700_000_000);
    this.put(`pine/${REF}.keys`, next.keys);
    this.put(`pine/${REF}.manifest`, manifestFile(next.manifest));
    return checksum;
  }

  /** Runs a piece of libexec/pine in a slot. */
  run(
    piece: string,
    args: string[],
    o: { slot?: SlotName; health?: string; before?: string } & Parameters<Sysroot["on"]>[3] = {},
  ): Promise<RunResult> {
    const { slot = "a", health = "exit 0", before = "", ...rest } = o;
    this.program("health-checks", health);
    const settings =
      "export PINE_LIB=/run/scripts/lib PINE_HEALTH=/run/scripts/bin/health-checks PINE_PAUSE=0 PINE_SETTLE=0";
    const more =
      "PINE_TURN=/run/scripts/lib/turn PINE_TURN_PAUSE=0 PINE_AGENT=/run/scripts/lib/agent PINE_UPGRADE=/run/scripts/lib/upgrade PINE_PATIENCE=2";
    const script = `PATH=/run/scripts/bin:$PATH\n${settings} ${more}\n${before}\n/run/scripts/lib/${piece} "$@"`;
    return this.s.on(slot, script, args, rest);
  }

  /** What a run says when it does not end well. */
  async refused(piece: string, args: string[], o: Parameters<Puller["run"]>[2] = {}): Promise<string> {
    const { exitCode, stderr } = await this.run(piece, args, { ...o, ok: [0, 1, 75] });
    return exitCode === 0 ? "done" : stderr.trim();
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url!.slice(1));
    this.asked.push(path);
    if (this.answer(request, response, path)) return;
    const file = this.published(path);
    if (!existsSync(file)) return void response.writeHead(404).end("no such file");
    const body = readFileSync(file);
    response.writeHead(200, { "content-length": body.length }).end(body);
  }

  async end(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    await this.s.end();
  }
}
