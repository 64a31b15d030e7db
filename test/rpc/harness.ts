/** Both ends for tests: the engine's log server, a client of the provider, and the provider as a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  credentials,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { GetRootResourceResponse, type LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import { Status } from "@pulumi/pulumi/proto/status_pb.js";
import { build } from "esbuild";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Provider } from "../../provider/rpc/provider.ts";
import { listen } from "../../provider/rpc/serve.ts";
import { ProviderServer } from "../../provider/rpc/server.ts";

process.env.PINE_PROGRESS ??= "live";

export const SIG = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
export const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
export const ASSET = "c44067f5952c0a294b673a41bacd8c17";
export const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
export const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const secret = (value: unknown) => ({ [SIG]: SECRET, value });
export const urn = (name = "web") => `urn:pulumi:dev::shop::pine:index:Thing::${name}`;
export const struct = (props: object) => Struct.fromJavaScript(props as Record<string, JavaScriptValue>);

export interface Line {
  urn: string;
  severity: number;
  message: string;
  ephemeral: boolean;
  at: number;
}

/** The engine's side of the log, on a port of its own. */
export class FakeEngine {
  readonly lines: Line[] = [];
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}
  static async start(): Promise<FakeEngine> {
    const server = new Server();
    server.addService(EngineService, {
      log: (call: ServerUnaryCall<LogRequest, Empty>, reply: sendUnaryData<Empty>) => {
        const r = call.request;
        const line = {
          urn: r.getUrn(),
          severity: r.getSeverity(),
          message: r.getMessage(),
          ephemeral: r.getEphemeral(),
        };
        engine.lines.push({ ...line, at: performance.now() });
        reply(null, new Empty());
      },
      getRootResource: (_: unknown, reply: sendUnaryData<GetRootResourceResponse>) =>
        reply(null, new GetRootResourceResponse()),
    });
    const port = await bind(server);
    const engine = new FakeEngine(server, `127.0.0.1:${port}`);
    return engine;
  }
  /** As when its process is killed. */
  die(): void {
    this.server.forceShutdown();
  }
}

export function bind(server: Server): Promise<number> {
  return new Promise((done, failed) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (e, port) => (e ? failed(e) : done(port))),
  );
}

/** A client whose calls are promises. */
export class Client {
  readonly raw: ResourceProviderClient;
  constructor(port: number) {
    this.raw = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }
  // biome-ignore lint/suspicious/noExplicitAny: the stubs' overloads do not infer
  call<R = any>(method: keyof ResourceProviderClient, request: unknown): Promise<R> {
    const f = this.raw[method] as unknown as (q: unknown, cb: (e: ServiceError | null, r: R) => void) => void;
    return new Promise((done, failed) => f.call(this.raw, request, (e, r) => (e ? failed(e) : done(r))));
  }
  handshake(engine: string): Promise<p.ProviderHandshakeResponse> {
    return this.call("handshake", new p.ProviderHandshakeRequest().setEngineAddress(engine));
  }
  configure(args: object): Promise<p.ConfigureResponse> {
    return this.call("configure", new p.ConfigureRequest().setArgs(struct(args)));
  }
  async check(news: object): Promise<{ inputs: Record<string, never>; failures: p.CheckFailure.AsObject[] }> {
    const q = new p.CheckRequest().setUrn(urn()).setType("pine:index:Thing").setName("web").setNews(struct(news));
    const r = await this.call<p.CheckResponse>("check", q);
    return { inputs: json(r.getInputs()), failures: r.getFailuresList().map((f) => f.toObject()) };
  }
  create(properties: object, preview = false, timeout = 0): Promise<p.CreateResponse> {
    const q = new p.CreateRequest().setUrn(urn()).setType("pine:index:Thing").setName("web");
    return this.call("create", q.setProperties(struct(properties)).setPreview(preview).setTimeout(timeout));
  }
  update(news: object, preview = false): Promise<p.UpdateResponse> {
    const q = new p.UpdateRequest().setUrn(urn()).setType("pine:index:Thing").setName("web").setId("web-1");
    q.setOlds(struct({ made: 3 })).setOldInputs(struct({ packages: ["a"] }));
    return this.call("update", q.setNews(struct(news)).setPreview(preview));
  }
  read(id: string, state: object, inputs: object): Promise<p.ReadResponse> {
    const q = new p.ReadRequest().setUrn(urn()).setType("pine:index:Thing").setName("web").setId(id);
    return this.call("read", q.setProperties(struct(state)).setInputs(struct(inputs)));
  }
  close(): void {
    this.raw.close();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the provider answered
export const json = (s: Struct | undefined): any => s?.toJavaScript();

/** The provider as an engine starts it. */
export class Plugin {
  output = "";
  private constructor(
    readonly process: ChildProcess,
    readonly port: number,
  ) {}
  static async start(file: string, args: string[], cwd: string): Promise<Plugin> {
    const child = spawn(process.execPath, [file, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (d) => {
      errors += d;
    });
    const [first] = await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(() => Promise.reject(new Error(`the plugin ended: ${errors}`))),
    ]);
    const plugin = new Plugin(child, Number(String(first).trim()));
    child.stderr.on("data", (d) => {
      plugin.output += d;
    });
    return plugin;
  }
  async ended(): Promise<{ code: number | null; signal: string | null }> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, "exit");
    return { code: this.process.exitCode, signal: this.process.signalCode };
  }
  kill(): void {
    this.process.kill("SIGKILL");
  }
}

/** Bundles the test provider as scripts/build.mjs does the real one. Answers its folder and its file. */
export async function buildPlugin(entry = "plugin.ts"): Promise<{ folder: string; file: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "pine-rpc-"));
  const file = join(folder, "pulumi-resource-pine");
  await build({
    entryPoints: [join(import.meta.dirname, entry)],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "error",
    banner: { js: "#!/usr/bin/env node" },
    define: { "import.meta.dirname": JSON.stringify(join(import.meta.dirname, "../../provider")) },
  });
  chmodSync(file, 0o755);
  writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
  return { folder, file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A call that fails, with what gRPC says of it. */
export function failed(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => Promise.reject(new Error("it did not fail")),
    (e: ServiceError) => e,
  );
}

/** The id, state, reasons and inputs within an init error. */
export function initDetails(e: ServiceError) {
  const whole = Status.deserializeBinary(e.metadata.get("grpc-status-details-bin")[0] as Buffer);
  const any = whole.getDetailsList()[0]!;
  if (any.getTypeUrl() !== "type.googleapis.com/pulumirpc.ErrorResourceInitFailed") throw new Error(any.getTypeUrl());
  const d = p.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  return { id: d.getId(), state: json(d.getProperties()), reasons: d.getReasonsList(), inputs: json(d.getInputs()) };
}

/** A provider served in this process, with an engine to log to, configured with a store of its own. */
export async function serveHere(provider: Provider) {
  const store = mkdtempSync(join(tmpdir(), "pine-rpc-store-"));
  const engine = await FakeEngine.start();
  const { server, port } = await listen(new ProviderServer(provider));
  const client = new Client(port);
  await client.handshake(engine.address);
  await client.configure({ store });
  const end = () => {
    client.close();
    server.forceShutdown();
    engine.die();
    rmSync(store, { recursive: true, force: true });
  };
  return { store, engine, client, end };
}
