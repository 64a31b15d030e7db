/** The engine as we see it: a place for log lines, and a process that can go away. */
import { type ChannelOptions, credentials, Metadata, status } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { GetRootResourceRequest, LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";

export type Severity = "debug" | "info" | "warning" | "error";
const SEVERITY = { debug: 0, info: 1, warning: 2, error: 3 } as const;
/** Least milliseconds between two live lines: a terminal shows no more, and each is an rpc. */
const STEP_INTERVAL = 250;
const LOG_TIMEOUT = 1000;

// The engine is on this machine, whatever http_proxy says. Unlimited messages, as the engine has it.
export const CHANNEL: ChannelOptions = {
  "grpc.enable_http_proxy": 0,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
};

export class Engine {
  private readonly client: EngineClient;
  constructor(readonly address: string) {
    this.client = new EngineClient(address, credentials.createInsecure(), CHANNEL);
  }

  /** Never fails: a line that cannot be sent is lost. */
  log(urn: string, severity: Severity, message: string, ephemeral = false): Promise<void> {
    const request = new LogRequest();
    request.setUrn(urn);
    request.setSeverity(SEVERITY[severity]);
    request.setMessage(message);
    request.setEphemeral(ephemeral);
    return new Promise((done) => {
      this.client.log(request, new Metadata(), { deadline: Date.now() + LOG_TIMEOUT }, () => done());
    });
  }

  /** Whether the engine's process is gone. A slow one is not. */
  gone(): Promise<boolean> {
    return new Promise((answer) => {
      const request = new GetRootResourceRequest();
      this.client.getRootResource(request, new Metadata(), { deadline: Date.now() + 4000 }, (error) =>
        answer(error?.code === status.UNAVAILABLE),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}

/** The lines of one call: live ones throttled, all of them through `clean`, which takes out secrets. */
export class CallLog {
  private sending: Promise<void> = Promise.resolve();
  private waiting: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private last = -STEP_INTERVAL;
  constructor(
    private readonly engine: Engine | undefined,
    private urn: string,
    private readonly clean: (text: string) => string,
  ) {}

  /** Which resource the lines are about from now on: a component has no URN before it is registered. */
  about(urn: string): void {
    this.urn = urn;
  }

  /** Sends a live line. Drops some when many come in a short time, but never the last. */
  step(message: string): void {
    this.waiting = message;
    const due = this.last + STEP_INTERVAL - performance.now();
    if (due <= 0) this.sendStep();
    else this.timer ??= setTimeout(() => this.sendStep(), due).unref();
  }

  line(severity: Severity, message: string): void {
    this.sendStep(); // so that lines come in the order they were said
    this.send(severity, message, false);
  }

  /** Sends what is waiting; done when the engine has every line. */
  async end(): Promise<void> {
    this.sendStep();
    await this.sending;
  }

  private sendStep(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting === undefined) return;
    this.last = performance.now();
    this.send("info", this.waiting, true);
    this.waiting = undefined;
  }

  private send(severity: Severity, message: string, ephemeral: boolean): void {
    const engine = this.engine;
    if (!engine) return;
    const text = this.clean(message);
    this.sending = this.sending.then(() => engine.log(this.urn, severity, text, ephemeral));
  }
}
