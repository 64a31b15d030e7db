/** The engine's resource monitor: where a component registers itself and its children. */
import { type ClientUnaryCall, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ResourceMonitorClient } from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import {
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  type RegisterResourceResponse,
  Result,
} from "@pulumi/pulumi/proto/resource_pb.js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PineError } from "../errors.ts";
import type { Made } from "../resource.ts";
import { fromStruct } from "./codec.ts";
import { CHANNEL } from "./engine.ts";

/** The engine ends the run: it has told why itself. */
export class Stopped extends PineError {
  override name = "Stopped";
}

export interface Registered extends Made {
  /** Resource ids; "" for a component. */
  id: string;
}

/** pulumirpc.Result.SKIP of the engine; the protocol's files for Node do not have it yet. */
const SKIP: number = 2;

type Reply<R> = (error: ServiceError | null, response: R) => void;

export class Monitor {
  private readonly client: ResourceMonitorClient;
  constructor(
    address: string,
    private readonly signal: AbortSignal,
  ) {
    this.client = new ResourceMonitorClient(address, credentials.createInsecure(), CHANNEL);
  }

  /** Ends when the engine is done with the resource. Throws {@link Stopped} when the run ends before. */
  async register(request: RegisterResourceRequest): Promise<Registered> {
    request.setSupportspartialvalues(true).setSupportsresultreporting(true);
    request.setAcceptsecrets(true).setAcceptresources(true);
    const r = await this.ask<RegisterResourceResponse>((done) =>
      this.client.registerResource(request, new Metadata(), done),
    );
    const skipped = r.getResult() === SKIP || r.getUnknown();
    const result = r.getResult() === Result.FAIL ? "failed" : skipped ? "skipped" : "done";
    return { urn: r.getUrn(), id: r.getId(), state: fromStruct(r.getObject()), result };
  }

  async outputs(request: RegisterResourceOutputsRequest): Promise<void> {
    await this.ask<Empty>((done) => this.client.registerResourceOutputs(request, new Metadata(), done));
  }

  close(): void {
    this.client.close();
  }

  private ask<R>(send: (done: Reply<R>) => ClientUnaryCall): Promise<R> {
    return new Promise((done, failed) => {
      this.signal.throwIfAborted();
      const call = send((error, response) => {
        this.signal.removeEventListener("abort", cancel);
        if (!error) return done(response);
        const gone = [status.UNAVAILABLE, status.CANCELLED].includes(error.code);
        failed(gone ? new Stopped("the engine stopped the run") : new PineError(error.details));
      });
      const cancel = () => call.cancel();
      this.signal.addEventListener("abort", cancel);
    });
  }
}
