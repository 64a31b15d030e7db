/** Serves pulumirpc.ResourceProvider. Does not load the @pulumi/pulumi runtime: that alone takes 0.4 s. */
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { type PluginAttach, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { die } from "../errors.ts";
import { diffInputs } from "../properties/diff.ts";
import { type Props, Unknown } from "../properties/values.ts";
import { type Config, InitError, type Resource } from "../resource.ts";
import { fromStruct, toStruct } from "./codec.ts";
import { keptConfig } from "./config.ts";
import { Engine } from "./engine.ts";
import { diffOf, failuresOf } from "./messages.ts";
import { Overseers } from "./overseers.ts";
import type { Provider } from "./provider.ts";
import { Running } from "./running.ts";
import { Schema } from "./schema.ts";
import { type Scope, unary } from "./scope.ts";
import { Unimplemented } from "./status.ts";

export class ProviderServer {
  readonly running = new Running();
  private readonly overseers = new Overseers();
  private engine: Engine | undefined;
  private config: Config | undefined;
  private urn = "";
  /** How the engine names this instance of the provider; "": it did not say. */
  private reference = "";
  private known: Schema | undefined;
  constructor(private readonly provider: Provider) {}

  private get schema(): Schema {
    this.known ??= new Schema(this.provider.schema());
    return this.known;
  }

  /** Sends log lines to this engine from now on; calls in progress keep the engine they began with. */
  connect(address: string): void {
    this.running.renew();
    if (address === "" || address === this.engine?.address) return;
    this.engine = new Engine(address);
    this.overseers.clear();
  }

  /** Whether the engine's process has gone away. */
  async engineGone(): Promise<boolean> {
    const asked = this.engine;
    return asked !== undefined && (await asked.gone()) && asked === this.engine;
  }

  /** Sends the engine a log line that belongs to no call. */
  async note(severity: "warning" | "debug", message: string): Promise<void> {
    await this.engine?.log("", severity, message);
  }

  private unary<Q, R>(work: (request: Q, scope: Scope) => Promise<R>) {
    return unary(this.running, () => this.engine, work);
  }

  /** A call that is accepted at any time, even after {@link Running.abort}. */
  private always<Q, R>(work: (request: Q) => Promise<R>) {
    return unary<Q, R>(new Running(), () => undefined, work);
  }

  /** A call of a resource: its module, its context, and the ways to read and to write properties. */
  private resource<Q extends { getType(): string; getUrn(): string }, R>(work: (q: Q, tools: Tools) => Promise<R>) {
    return this.unary<Q, R>(async (q, scope) => {
      const token = q.getType() || typeOf(q.getUrn());
      const find = this.provider.resources[token] ?? die(`there is no resource ${token}`, this.names("resources"));
      const { inputs, outputs } = { inputs: this.schema.inputs(token), outputs: this.schema.outputs(token) };
      const tools: Tools = {
        token,
        scope,
        it: await find(),
        call: scope.call(this.configured(), q.getUrn()),
        inputs: (struct) => scope.noting(this.schema.wrap(fromStruct(struct), inputs)),
        state: (struct) => scope.noting(this.schema.wrap(fromStruct(struct), outputs)),
        wrapInputs: (props) => scope.noting(this.schema.wrap(props, inputs)),
        wrapState: (props) => scope.noting(this.schema.wrap(props, outputs)),
      };
      try {
        return await work(q, tools);
      } catch (error) {
        if (!(error instanceof InitError)) throw error;
        const kept = error.inputs && tools.wrapInputs(error.inputs);
        throw new InitError(error.id, tools.wrapState(error.state), error.reasons, kept);
      }
    });
  }

  private names(of: "resources" | "functions"): string {
    return `this provider has ${Object.keys(this.provider[of]).join(", ")}`;
  }

  private configured(): Config {
    return this.config ?? die("the provider has not been configured");
  }

  /** In a preview, marks promised properties that the resource did not return as unknown. */
  private previewed(state: Props, { call, token }: Tools): Props {
    if (!call.preview) return state;
    const missing = this.schema.promised(token).filter((k) => state[k] === undefined);
    return { ...state, ...Object.fromEntries(missing.map((k) => [k, Unknown.value])) };
  }

  implementation(): UntypedServiceImplementation {
    return {
      handshake: this.always(async (q: p.ProviderHandshakeRequest) => {
        this.connect(q.getEngineAddress());
        const r = new p.ProviderHandshakeResponse();
        r.setAcceptSecrets(true);
        r.setAcceptResources(true);
        r.setAcceptOutputs(true);
        return r;
      }),
      attach: this.always(async (q: PluginAttach) => {
        this.connect(q.getAddress());
        return new Empty();
      }),
      cancel: this.always(async () => {
        this.running.abort();
        return new Empty();
      }),
      getPluginInfo: this.unary(async () => new PluginInfo().setVersion(this.schema.version)),
      getSchema: this.unary(async () => new p.GetSchemaResponse().setSchema(this.schema.text)),
      checkConfig: this.unary(async (q: p.CheckRequest, scope) => {
        const news = scope.noting(fromStruct(q.getNews()));
        const failures = this.provider.checkConfig(news);
        const r = new p.CheckResponse().setInputs(toStruct(keptConfig(news)));
        return r.setFailuresList(failuresOf(failures, news, () => true, scope.clean));
      }),
      diffConfig: this.unary(async (q: p.DiffRequest) => {
        const [olds, news] = [fromStruct(q.getOldInputs() ?? q.getOlds()), fromStruct(q.getNews())];
        return diffOf({ detailed: diffInputs(this.provider.comparable(olds), this.provider.comparable(news)) });
      }),
      configure: this.unary(async (q: p.ConfigureRequest, scope) => {
        this.urn = q.getUrn() ?? "";
        this.reference = this.urn && q.getId() ? `${this.urn}::${q.getId()}` : "";
        this.config = this.provider.configure(scope.noting(configOf(q)));
        const r = new p.ConfigureResponse();
        r.setAcceptsecrets(true);
        r.setAcceptresources(true);
        r.setAcceptoutputs(true);
        r.setSupportspreview(true);
        return r;
      }),
      ...this.resourceCalls(),
      construct: this.unary((q: p.ConstructRequest, scope) => this.construct(q, scope)),
      invoke: this.unary(async (q: p.InvokeRequest, scope) => {
        const token = q.getTok();
        const find = this.provider.functions[token] ?? die(`there is no function ${token}`, this.names("functions"));
        const specs = this.schema.inputs(token);
        const args = scope.noting(this.schema.wrap(fromStruct(q.getArgs()), specs));
        const answer = await (await find())(scope.call(this.configured(), this.urn), args);
        const r = new p.InvokeResponse();
        const shown = (path: string) => this.schema.shows(path, specs);
        r.setFailuresList(failuresOf(answer.failures, args, shown, scope.clean));
        if (answer.result) r.setReturn(toStruct(this.schema.wrap(answer.result, this.schema.results(token))));
        return r;
      }),
    };
  }

  private async construct(q: p.ConstructRequest, scope: Scope): Promise<p.ConstructResponse> {
    const find = this.provider.components?.[q.getType()];
    if (!find) throw new Unimplemented(`there is no component ${q.getType()}`);
    const { schema, overseers, reference } = this;
    const [{ construct }, component] = await Promise.all([import("./construct.ts"), find()]);
    return construct(q, { component, scope, schema, overseers, reference });
  }

  private resourceCalls(): UntypedServiceImplementation {
    return {
      check: this.resource(async (q: p.CheckRequest, t) => {
        const news = t.inputs(q.getNews());
        const olds = t.inputs(q.getOlds());
        this.overseers.of(q.getUrn())?.asked(q.getUrn());
        const checked = await t.it.check(t.call, { news, olds, randomSeed: q.getRandomseed_asU8() });
        const inputs = t.wrapInputs(checked.inputs);
        const specs = this.schema.inputs(t.token);
        const shown = (path: string) => this.schema.shows(path, specs);
        const r = new p.CheckResponse().setInputs(toStruct(inputs));
        return r.setFailuresList(failuresOf(checked.failures, news, shown, t.scope.clean));
      }),
      diff: this.resource(async (q: p.DiffRequest, t) => {
        const [olds, oldInputs, news] = [t.state(q.getOlds()), t.inputs(q.getOldInputs()), t.inputs(q.getNews())];
        const ignoreChanges = q.getIgnorechangesList();
        return diffOf(await t.it.diff(t.call, { id: q.getId(), olds, oldInputs, news, ignoreChanges }));
      }),
      create: this.resource(async (q: p.CreateRequest, t) => {
        const inputs = t.inputs(q.getProperties());
        const { id, state } = await this.overseers.around("create", t.call, (call) => t.it.create(call, { inputs }));
        const whole = t.wrapState(this.previewed(state, t));
        return new p.CreateResponse().setId(id).setProperties(toStruct(whole));
      }),
      read: this.resource(async (q: p.ReadRequest, t) => {
        const [state, inputs] = [t.state(q.getProperties()), t.inputs(q.getInputs())];
        const found = await t.it.read(t.call, { id: q.getId(), state, inputs });
        const r = new p.ReadResponse();
        if (!found) return r; // without an id the resource is gone
        r.setId(found.id).setProperties(toStruct(t.wrapState(found.state)));
        return r.setInputs(toStruct(t.wrapInputs(found.inputs)));
      }),
      update: this.resource(async (q: p.UpdateRequest, t) => {
        const [olds, oldInputs, news] = [t.state(q.getOlds()), t.inputs(q.getOldInputs()), t.inputs(q.getNews())];
        const args = { id: q.getId(), olds, oldInputs, news };
        const { state } = await this.overseers.around("update", t.call, (call) => t.it.update(call, args));
        return new p.UpdateResponse().setProperties(toStruct(t.wrapState(this.previewed(state, t))));
      }),
      delete: this.resource(async (q: p.DeleteRequest, t) => {
        const [state, inputs] = [t.state(q.getProperties()), t.inputs(q.getOldInputs())];
        const args = { id: q.getId(), state, inputs };
        await this.overseers.around("delete", t.call, (call) => t.it.delete(call, args));
        return new Empty();
      }),
    };
  }
}

interface Tools {
  token: string;
  scope: Scope;
  it: Resource;
  call: ReturnType<Scope["call"]>;
  inputs(struct: Struct | undefined): Props;
  state(struct: Struct | undefined): Props;
  wrapInputs(props: Props): Props;
  wrapState(props: Props): Props;
}

/** `pine:index:Rootfs` out of `urn:pulumi:stack::project::parent$pine:index:Rootfs::name`. */
function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

/** The configuration. Old engines send only variables: `pine:config:store` -> text. */
function configOf(q: p.ConfigureRequest): Props {
  if (q.hasArgs()) return fromStruct(q.getArgs());
  const entries = [...q.getVariablesMap().entries()] as unknown as [string, string][];
  return Object.fromEntries(entries.map(([k, v]) => [k.split(":").pop()!, v]));
}
