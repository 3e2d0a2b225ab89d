// How programs speak with the service: connections, and what a failure says.

import { ChannelCredentials, ClientOptions, status } from "@grpc/grpc-js";
import { GrpcTransport } from "@protobuf-ts/grpc-transport";
import { MessageType, ScalarType } from "@protobuf-ts/runtime";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { ReleaseRefused } from "./gen/callcontrol/v1/call_handling_service";
import { ErrorReason } from "./gen/callcontrol/v1/error_reason";
import { Duration } from "./gen/google/protobuf/duration";

const longestMessage = 64 * 1024 * 1024;

const shuffled = { loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }] };

/**
 * A connection of its own to CALLCONTROL_TARGET, or to this machine. It connects with the first
 * request: to the first replica that is there, or to any. The first one of several refuses workers
 * while it is about to leave.
 */
export function connect(where: "first" | "any" = "first"): GrpcTransport {
  const target = process.env["CALLCONTROL_TARGET"] || "127.0.0.1:50051";
  const options: ClientOptions = {
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_receive_message_length": longestMessage,
    "grpc.max_reconnect_backoff_ms": 5_000,
    // Without it all connections to one address are one.
    "grpc.use_local_subchannel_pool": 1,
  };
  if (where === "any") options["grpc.service_config"] = JSON.stringify(shuffled);
  return new GrpcTransport({
    host: where === "any" ? rotated(target) : target,
    channelCredentials: ChannelCredentials.createInsecure(),
    clientOptions: options,
  });
}

/** The target with another one of its addresses first: grpc-js (1.14) leaves two as they are when it shuffles. */
function rotated(target: string): string {
  const [, scheme, list] = /^(ipv[46]:)(.*)$/.exec(target) ?? [];
  if (!scheme || !list) return target;
  const addresses = list.split(",");
  const at = Math.floor(Math.random() * addresses.length);
  return scheme + [...addresses.slice(at), ...addresses.slice(0, at)].join(",");
}

/** Length of a Duration that may be unset. */
export function milliseconds(duration: Duration | undefined): number {
  return duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0;
}

/** A Duration of whole seconds. */
export function seconds(count: number): Duration {
  return { seconds: BigInt(count), nanos: 0 };
}

// The parts of google.rpc that are read here.
interface Any {
  typeUrl: string;
  value: Uint8Array;
}
const Any = new MessageType<Any>("google.protobuf.Any", [
  { no: 1, name: "type_url", kind: "scalar", T: ScalarType.STRING },
  { no: 2, name: "value", kind: "scalar", T: ScalarType.BYTES },
]);
interface Status {
  details: Any[];
}
const Status = new MessageType<Status>("google.rpc.Status", [
  { no: 3, name: "details", kind: "message", repeat: 2, T: () => Any },
]);
interface ErrorInfo {
  reason: string;
}
const ErrorInfo = new MessageType<ErrorInfo>("google.rpc.ErrorInfo", [
  { no: 1, name: "reason", kind: "scalar", T: ScalarType.STRING },
]);
interface RetryInfo {
  retryDelay?: Duration;
}
const RetryInfo = new MessageType<RetryInfo>("google.rpc.RetryInfo", [
  { no: 1, name: "retry_delay", kind: "message", T: () => Duration },
]);

/** What a failed request tells. */
export class Failure {
  /** FAILED_PRECONDITION, for example. */
  readonly code: string;
  readonly message: string;
  /** Name of the ErrorReason without its prefix; empty when the failure is not the service's. */
  readonly reason: string;
  /** How long the service asks to wait before the same request. */
  readonly retryInMs: number;

  constructor(error: unknown) {
    if (!(error instanceof RpcError)) throw error;
    const details = detailsOf(error);
    this.code = error.code;
    this.message = error.message;
    this.reason = unpacked(details, ErrorInfo)?.reason ?? "";
    this.retryInMs = milliseconds(unpacked(details, RetryInfo)?.retryDelay);
  }

  toString(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** The error of a refused request, made of one that came as a message of a stream. */
export function refusal({ code, reason, message }: ReleaseRefused): RpcError {
  const info = { reason: ErrorReason[reason] ?? `${reason}` };
  const details = [{ typeUrl: `type.googleapis.com/${ErrorInfo.typeName}`, value: ErrorInfo.toBinary(info) }];
  const packed = Buffer.from(Status.toBinary({ details })).toString("base64");
  return new RpcError(message, status[code] ?? "UNKNOWN", { "grpc-status-details-bin": packed });
}

function detailsOf(error: RpcError): Any[] {
  const packed = [error.meta["grpc-status-details-bin"] ?? []].flat()[0];
  return packed ? Status.fromBinary(Buffer.from(packed, "base64")).details : [];
}

function unpacked<T extends object>(details: Any[], type: MessageType<T>): T | undefined {
  const detail = details.find((each) => each.typeUrl.endsWith(`/${type.typeName}`));
  return detail && type.fromBinary(detail.value);
}

/** Whether a request failed because its call has ended. */
export function isOver(error: unknown): boolean {
  const { reason } = new Failure(error);
  return reason === "CALL_ENDED" || reason === "CALL_NOT_FOUND";
}
