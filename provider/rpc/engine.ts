/** The engine as we see it: a place for log lines, and a process that can go away. */
import { type ChannelOptions, credentials, Metadata, status } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { GetRootResourceRequest, LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { type Pace, paceOf, stillAt } from "./pace.ts";

export type Severity = "debug" | "info" | "warning" | "error";
const SEVERITY = { debug: 0, info: 1, warning: 2, error: 3 } as const;
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

/** The lines of one call: live ones by a pace, none twice, all of them through `clean`, which takes out secrets. */
export class CallLog {
  private sending: Promise<void> = Promise.resolve();
  private waiting: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** The last live line, sent or not, and when it was first said. */
  private now = { line: "", since: 0 };
  private sent = "";
  private last: number;
  constructor(
    private readonly engine: Engine | undefined,
    private urn: string,
    private readonly clean: (text: string) => string,
    private readonly pace: Pace = paceOf(process.env),
  ) {
    this.last = pace.eager ? -pace.least : performance.now();
  }

  /** Which resource the lines are about from now on: a component has no URN before it is registered. */
  about(urn: string): void {
    this.urn = urn;
  }

  /** Sends a live line. Drops some when many come in a short time; on a terminal never the last. */
  step(message: string): void {
    if (message !== this.now.line) this.now = { line: message, since: performance.now() };
    this.waiting = message === this.sent ? undefined : message;
    this.schedule();
  }

  line(severity: Severity, message: string): void {
    // nobody sees a debug line where live ones are
    const shown = severity !== "debug";
    // so that lines come in the order they were said
    if (shown && this.pace.eager) this.sendStep();
    this.send(severity, message, false);
    if (!shown) return;
    if (!this.pace.eager) this.last = performance.now();
    this.sent = "";
    this.schedule();
  }

  /** Sends what is waiting; done when the engine has every line. */
  async end(): Promise<void> {
    clearTimeout(this.timer);
    if (this.pace.eager) this.sendStep();
    await this.sending;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const { least, most } = this.pace;
    if (this.waiting !== undefined) this.at(this.last + least, () => this.sendStep());
    else if (most !== undefined && this.now.line !== "") this.at(this.last + most, () => this.breakSilence());
  }

  private at(due: number, act: () => void): void {
    const left = due - performance.now();
    if (left <= 0) act();
    else this.timer = setTimeout(act, left).unref();
  }

  private sendStep(): void {
    if (this.waiting === undefined) return;
    this.sendLive(this.waiting);
  }

  private breakSilence(): void {
    this.sendLive(stillAt(this.now.line, performance.now() - this.now.since));
  }

  private sendLive(line: string): void {
    this.waiting = undefined;
    this.last = performance.now();
    this.sent = line;
    this.send("info", line, true);
    this.schedule();
  }

  private send(severity: Severity, message: string, ephemeral: boolean): void {
    const engine = this.engine;
    if (!engine) return;
    const text = this.clean(message);
    this.sending = this.sending.then(() => engine.log(this.urn, severity, text, ephemeral));
  }
}
