/**
 * Resources called as rpc/ calls them, but without Pulumi: a Call that notes what is said, on a mirror and folders of
 * the test's own.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "../../provider/image/namespace/run-in.ts";
import type { CheckFailure } from "../../provider/properties/failure.ts";
import type { Props } from "../../provider/properties/values.ts";
import type { Call, Config, Diff, Resource } from "../../provider/resource.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { type Fault, type MirrorServer, serveMirror } from "../lab/mirror/server.ts";
import type { MirrorTree } from "../lab/mirror/tree.ts";
import { type MirrorChanges, variantMirror } from "../lab/mirror/variant.ts";

export interface Said {
  steps: string[];
  infos: string[];
  warnings: string[];
}

interface CallOptions {
  preview?: boolean;
  signal?: AbortSignal;
  onStep?: (message: string) => void;
}

/** A call of the engine. */
export function testCall(config: Config, o: CallOptions = {}): Call & { said: Said } {
  const said: Said = { steps: [], infos: [], warnings: [] };
  return {
    said,
    config,
    signal: o.signal ?? new AbortController().signal,
    urn: "urn:pulumi:test::test::pine:index:Test::test",
    name: "test",
    type: "pine:index:Test",
    stack: "test/test",
    preview: o.preview ?? false,
    timeoutSeconds: 0,
    step(message) {
      said.steps.push(message);
      o.onStep?.(message);
    },
    info: (message) => void said.infos.push(message),
    warn: (message) => void said.warnings.push(message),
  };
}

/** A resource's life as the engine leads it: inputs and state go from call to call. */
export class Life {
  id = "";
  inputs: Props = {};
  state: Props = {};
  /** What the last call said. */
  said: Said = { steps: [], infos: [], warnings: [] };
  constructor(
    readonly resource: Resource,
    public config: Config,
  ) {}

  private call(o: CallOptions = {}) {
    const call = testCall(this.config, o);
    this.said = call.said;
    return call;
  }

  async failures(news: Props): Promise<CheckFailure[]> {
    const args = { news, olds: this.inputs, randomSeed: new Uint8Array(32) };
    return (await this.resource.check(this.call(), args)).failures ?? [];
  }
  /** Checked inputs; throws when the check fails. */
  async check(news: Props): Promise<Props> {
    const args = { news, olds: this.inputs, randomSeed: new Uint8Array(32) };
    const { inputs, failures = [] } = await this.resource.check(this.call(), args);
    if (failures.length > 0) throw new Error(failures.map((f) => `${f.property}: ${f.reason}`).join("\n"));
    return inputs;
  }
  async diff(news: Props): Promise<Diff> {
    const checked = await this.check(news);
    const args = { id: this.id, olds: this.state, oldInputs: this.inputs, news: checked, ignoreChanges: [] };
    return this.resource.diff(this.call(), args);
  }
  /** The state that a preview promises, of a create or an update. */
  async preview(news: Props): Promise<Props> {
    const inputs = await this.check(news);
    const call = this.call({ preview: true });
    if (!this.id) return (await this.resource.create(call, { inputs })).state;
    const args = { id: this.id, olds: this.state, oldInputs: this.inputs, news: inputs };
    return (await this.resource.update(call, args)).state;
  }
  /** Create or update. */
  async up(news: Props, o: CallOptions = {}): Promise<Props> {
    const inputs = await this.check(news);
    if (!this.id) {
      const made = await this.resource.create(this.call(o), { inputs });
      this.id = made.id;
      this.state = made.state;
    } else {
      const args = { id: this.id, olds: this.state, oldInputs: this.inputs, news: inputs };
      this.state = (await this.resource.update(this.call(o), args)).state;
    }
    this.inputs = inputs;
    return this.state;
  }
  async refresh(): Promise<Props | undefined> {
    const found = await this.resource.read(this.call(), { id: this.id, state: this.state, inputs: this.inputs });
    if (found) this.state = found.state;
    return found?.state;
  }
  async destroy(): Promise<void> {
    await this.resource.delete(this.call(), { id: this.id, state: this.state, inputs: this.inputs });
    this.id = "";
  }
}

export interface Bench {
  /** Every user can go into it: another one builds there too. */
  work: string;
  tree: MirrorTree;
  server: MirrorServer;
  config: Config;
  /** What goes wrong with the mirror's answers, while it is set. */
  fault: { of?: (path: string) => Fault | undefined };
  /** The same address serves another mirror from now on, as when Alpine releases packages. */
  become(changes: MirrorChanges): Promise<void>;
  /** The configuration with some of it different. */
  with(change: Partial<Config>): Config;
  end(): Promise<void>;
}

/** The lab's mirror, changed or as it is, served, and folders for a store and a cache of the test's own. */
export async function startBench(name: string, changes?: MirrorChanges): Promise<Bench> {
  const work = mkdtempSync(join(tmpdir(), `pine-${name}-`));
  chmodSync(work, 0o755);
  const fault: Bench["fault"] = {};
  const plain = await ensureMirror((line) => process.stderr.write(`  ${line}\n`));
  const tree = changes ? await variantMirror(plain, join(work, "mirror"), changes) : plain;
  const server = await serveMirror(tree, { intercept: (path) => fault.of?.(path) });
  let variants = 0;
  const config: Config = {
    store: join(work, "store"),
    cache: join(work, "cache"),
    mirror: server.url,
    release: "v3.23",
    keys: tree.keys,
  };
  return {
    work,
    tree,
    server,
    config,
    fault,
    become: async (next) => {
      const folder = join((await variantMirror(tree, join(work, `mirror-${++variants}`), next)).dir, "alpine");
      fault.of = (path) => {
        const file = join(folder, path);
        return existsSync(file) ? { body: readFileSync(file) } : { status: 404 };
      };
    },
    with: (change) => ({ ...config, ...change }),
    end: async () => {
      await server.close();
      await removeTree(work);
    },
  };
}

/** Processes of this machine that have a text in their command line: to see that nothing was left. */
export async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((n) => /^\d+$/.test(n) && Number(n) !== process.pid)) {
    const line = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
    if (line.includes(text)) found.push(`${pid} ${line.slice(0, 200)}`);
  }
  return found;
}

/** Waits until `count` processes have a text in their command line. Fails as soon as what starts them has ended. */
export async function started(text: string, count: number, starter: Promise<unknown>): Promise<void> {
  let ended = "";
  starter.then(
    (said) => {
      ended = `it ended: ${said}`;
    },
    (e) => {
      ended = `it failed: ${e}`;
    },
  );
  while ((await processesWith(text)).length < count) {
    if (ended) throw new Error(`no ${count} processes with ${text}: ${ended}`);
    await sleep(20);
  }
}

/**
 * Waits until no process has a text in its command line, and tells how long that took; the test's timeout is the limit.
 */
export async function gone(text: string): Promise<void> {
  const begun = performance.now();
  while ((await processesWith(text)).length > 0) await sleep(20);
  process.stderr.write(`  all gone after ${Math.round(performance.now() - begun)} ms\n`);
}
