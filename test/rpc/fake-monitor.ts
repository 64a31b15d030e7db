/** The engine's resource monitor for tests: it writes down what it is asked, and answers what the test wants. */
import { Server, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import {
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  RegisterResourceResponse,
} from "@pulumi/pulumi/proto/resource_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { bind } from "./harness.ts";

type Registering = ServerUnaryCall<RegisterResourceRequest, RegisterResourceResponse>;

export class FakeMonitor {
  readonly asked: RegisterResourceRequest[] = [];
  readonly outputs: RegisterResourceOutputsRequest[] = [];
  /** What it answers for a child; `r` has its URN and its inputs as outputs. "gone": the engine ends the run. */
  answer: (q: RegisterResourceRequest, r: RegisterResourceResponse) => RegisterResourceResponse | "gone" = (_, r) => r;
  private constructor(private readonly server: Server) {}
  address = "";

  static async start(urnOf: (q: RegisterResourceRequest) => string): Promise<FakeMonitor> {
    const server = new Server();
    const monitor = new FakeMonitor(server);
    server.addService(ResourceMonitorService, {
      registerResource: ({ request: q }: Registering, reply: sendUnaryData<RegisterResourceResponse>) => {
        monitor.asked.push(q);
        const r = new RegisterResourceResponse().setUrn(urnOf(q)).setObject(q.getObject());
        const said = q.getCustom() ? monitor.answer(q, r) : r;
        if (said === "gone") reply({ code: status.UNAVAILABLE, details: "resource monitor shut down" });
        else reply(null, said);
      },
      registerResourceOutputs: (
        call: ServerUnaryCall<RegisterResourceOutputsRequest, Empty>,
        reply: sendUnaryData<Empty>,
      ) => {
        monitor.outputs.push(call.request);
        reply(null, new Empty());
      },
    });
    monitor.address = `127.0.0.1:${await bind(server)}`;
    return monitor;
  }

  /** Forgets what it was asked, and answers with the inputs again. */
  reset(): void {
    this.asked.length = 0;
    this.outputs.length = 0;
    this.answer = (_, r) => r;
  }
  end(): void {
    this.server.forceShutdown();
  }
}
