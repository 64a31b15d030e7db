/** One rpc: its log lines, the secrets that it must not show, and how it ends. */
import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { messageOf, PineError } from "../errors.ts";
import { type Props, secretStrings } from "../properties/values.ts";
import { redactText, withSecrets } from "../redact.ts";
import { type Call, type Config, InitError } from "../resource.ts";
import { CallLog, type Engine } from "./engine.ts";
import type { Running } from "./running.ts";
import { failureOf, initFailure, Unimplemented } from "./status.ts";

/** Methods of requests; each request has some of them. */
export interface Request {
  getUrn?(): string | undefined;
  getName?(): string | undefined;
  getType?(): string | undefined;
  getTok?(): string;
  getPreview?(): boolean;
  getTimeout?(): number;
}

export class Scope {
  readonly log: CallLog;
  private readonly secrets = new Set<string>();
  constructor(
    private readonly request: Request,
    readonly signal: AbortSignal,
    engine: Engine | undefined,
  ) {
    this.log = new CallLog(engine, request.getUrn?.() ?? "", this.clean);
  }

  /** Removes every secret that this call has seen from a text. */
  readonly clean = (text: string): string => redactText(text, this.secrets);

  /** Runs the call's work, in which texts are cleaned before they are cut ({@link withSecrets}). */
  within<R>(work: () => R): R {
    return withSecrets(this.secrets, work);
  }

  /** Remembers the secrets of inputs and outputs. */
  noting(props: Props): Props {
    for (const s of secretStrings(props)) this.secrets.add(s);
    return props;
  }

  /** The call that a resource gets. `urn` is used where the request has none (functions). */
  call(config: Config, urn: string): Call {
    // urn:pulumi:<stack>::<project>::<parent's type>$<type>::<name>
    const [stack = "", project = "", types = "", ...name] = (this.request.getUrn?.() || urn).split("::");
    const { log, request } = this;
    return {
      signal: this.signal,
      urn: request.getUrn?.() ?? "",
      name: request.getName?.() || request.getTok?.() || name.join("::"),
      type: request.getType?.() || request.getTok?.() || types.split("$").pop()!,
      stack: `${project}/${stack.slice("urn:pulumi:".length)}`,
      preview: request.getPreview?.() ?? false,
      timeoutSeconds: request.getTimeout?.() ?? 0,
      config,
      step: (message) => log.step(message),
      debug: (message) => log.line("debug", message),
      info: (message) => log.line("info", message),
      warn: (message) => log.line("warning", message),
    };
  }
}

/** Turns work into a grpc handler: sends log lines before the answer, and cleans errors of secrets. */
export function unary<Q, R>(
  running: Running,
  engine: () => Engine | undefined,
  work: (request: Q, scope: Scope) => Promise<R>,
) {
  return (rpc: ServerUnaryCall<Q, R>, reply: sendUnaryData<R>): void => {
    const gone = new AbortController();
    rpc.on("cancelled", () => gone.abort(new DOMException("cancelled", "AbortError")));
    const answer = async (signal: AbortSignal) => {
      const scope = new Scope(rpc.request as Request, signal, engine());
      try {
        const response = await scope.within(() => work(rpc.request, scope));
        await scope.log.end();
        reply(null, response);
      } catch (error) {
        await fail(error, scope, reply);
      }
    };
    const timeout = (rpc.request as Request).getTimeout?.() ?? 0;
    running.run(timeout, gone.signal, answer).catch((error) => {
      reply({ ...failureOf(error, AbortSignal.abort(error)) }); // refused: the plugin is ending
    });
  };
}

async function fail<R>(error: unknown, scope: Scope, reply: sendUnaryData<R>): Promise<void> {
  if (error instanceof InitError) {
    scope.noting(error.state);
    scope.noting(error.inputs ?? {});
    await scope.log.end();
    const reasons = error.reasons.map(scope.clean);
    reply(initFailure(new InitError(error.id, error.state, reasons, error.inputs)));
    return;
  }
  const failure = failureOf(error, scope.signal);
  const expected = error instanceof PineError || error instanceof Unimplemented;
  if (!expected && error instanceof Error && error.stack) scope.log.line("debug", error.stack);
  await scope.log.end();
  reply({ ...failure, details: scope.clean(failure.details || messageOf(error) || "failed without a message") });
}
