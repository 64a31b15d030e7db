/** Errors as gRPC statuses that Pulumi's engine understands. */
import { Metadata, status } from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb.js";
import { Status } from "@pulumi/pulumi/proto/status_pb.js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { isAbort, messageOf, PineError } from "../errors.ts";
import type { InitError } from "../resource.ts";
import { toStruct } from "./codec.ts";

export interface Failure {
  code: status;
  details: string;
  metadata?: Metadata;
}

/** A call that the provider does not have. */
export class Unimplemented extends PineError {
  override name = "Unimplemented";
}

/**
 * The status of any error except {@link InitError}. The engine takes Unknown and Internal for "the resource may be in
 * any state" (sdk/go/common/resource/plugin/provider_plugin.go), so only unforeseen errors get those.
 */
export function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof Unimplemented) return { code: status.UNIMPLEMENTED, details: error.message };
  if (error instanceof PineError) return { code: status.FAILED_PRECONDITION, details: error.message };
  if (isAbort(error, signal)) {
    const reason = signal.reason instanceof PineError ? signal.reason.message : "cancelled";
    return { code: status.ABORTED, details: reason };
  }
  return { code: status.UNKNOWN, details: messageOf(error) };
}

/** A half-done create, update or read: the engine keeps `state`. */
export function initFailure(error: InitError): Failure {
  const detail = new ErrorResourceInitFailed();
  detail.setId(error.id);
  detail.setProperties(toStruct(error.state));
  detail.setReasonsList(error.reasons);
  if (error.inputs) detail.setInputs(toStruct(error.inputs));
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const whole = new Status();
  whole.setCode(status.UNKNOWN);
  whole.setMessage(error.reasons.join("; "));
  whole.addDetails(packed);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(whole.serializeBinary()));
  return { code: status.UNKNOWN, details: error.reasons.join("; "), metadata };
}
