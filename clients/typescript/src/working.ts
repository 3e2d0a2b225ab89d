// Takes calls from the dialplan for a program, with a promise for each: the rules of docs/outbound.md
// for a worker.

import { RpcError } from "@protobuf-ts/runtime-rpc";
import { Call } from "./call";
import { Calls } from "./calls";
import { Destination } from "./gen/callcontrol/v1/call";
import {
  HandleCallsRequest,
  HandleCallsResponse,
  OfferCall,
  RegisterWorker,
  WorkerRegistered,
} from "./gen/callcontrol/v1/call_handling_service";
import { CallHandlingServiceClient } from "./gen/callcontrol/v1/call_handling_service.client";
import { Failure, milliseconds } from "./service";
import { Pauses, Stream } from "./stream";

/** Beyond the resume window, until a call that did not come back is given up. */
const awaitedMs = 1_000;

/** What the same registration meets again. */
const hopeless = new Set(["INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"]);

/** What a worker is made for. */
export interface Program {
  /**
   * Looks after a call, and returns once it is over. Throws RpcError where a request fails. A call that goes on then is
   * given back to the dialplan.
   */
  handle(call: Call): Promise<void>;
  /** Says a line, about a call or about none. */
  tell(call: Call | undefined, line: string): void;
  /** Told of each stream that broke; another one is opened. */
  onBreak(failure: Failure): void;
}

type Message = HandleCallsRequest["message"];

/** A stream, both ways. */
class Line extends Stream<HandleCallsResponse> {
  readonly #send: (message: HandleCallsRequest) => Promise<void>;

  constructor(readonly registration: RegisterWorker) {
    let send: (message: HandleCallsRequest) => Promise<void>;
    super((transport, abort) => {
      const { requests, responses } = new CallHandlingServiceClient(transport).handleCalls({ abort });
      send = (message) => requests.send(message);
      return responses;
    }, "any");
    this.#send = send!;
    this.say({ oneofKind: "registerWorker", registerWorker: registration });
  }

  say(message: Message): void {
    this.#send({ message }).catch(() => undefined); // a read tells why
  }

  /** Calls are taken over without a place in their events to go on from. */
  get hasHole(): boolean {
    return this.registration.resumeCallIds.length > 0 && !this.registration.resumeToken;
  }
}

export class Worker {
  readonly #calls = new Calls((id, application) => this.#begin(id, application));
  readonly #pauses = new Pauses();
  /** Of the newest message that was dealt with. */
  #token = "";
  /** By which it is registered now, if it is. */
  #line: Line | undefined;
  #wasRegistered = false;
  #isDraining = false;
  #losing: NodeJS.Timeout | undefined;
  #finish!: () => void;
  readonly #finished = new Promise<void>((resolve) => (this.#finish = resolve));

  /** It registers so, again with each stream. */
  constructor(
    readonly registration: RegisterWorker,
    readonly program: Program,
  ) {}

  /** Works until it has drained. Throws what the service would say again. */
  async run(): Promise<void> {
    await Promise.race([this.#finished, this.#follow()]);
    this.#calls.leave();
  }

  /** Takes no more calls, and ends when those that there are have ended, or after the grace. */
  drain(graceMs: number): void {
    this.#isDraining = true;
    this.program.tell(undefined, "draining");
    this.#say({ oneofKind: "drain", drain: {} });
    setTimeout(this.#finish, graceMs);
    this.#finishIfIdle();
  }

  /** A stream that is up is ended by the service once the worker has drained. */
  #finishIfIdle(): void {
    if (this.#isDraining && !this.#line && this.#calls.isEmpty) this.#finish();
  }

  /** Lost where there is no stream, so what matters is said again. */
  #say(message: Message): void {
    this.#line?.say(message);
  }

  async #follow(): Promise<never> {
    for (;;) {
      try {
        await this.#read();
      } catch (error) {
        const failure = new Failure(error);
        const wasRegistered = this.#line !== undefined;
        this.#line = undefined;
        this.#finishIfIdle();
        if (this.#token && failure.reason === "RESUME_TOKEN_INVALID") {
          this.#token = ""; // another replica's, without a key that they share
        } else if (!wasRegistered && hopeless.has(failure.code)) throw error;
        if (this.#isDraining && this.#calls.isEmpty) return new Promise(() => undefined);
        this.program.onBreak(failure);
        await this.#pauses.wait(failure);
      }
    }
  }

  /** Reads one stream to its end, and those that it is told to move to. */
  async #read(): Promise<never> {
    let line = this.#open();
    this.#pauses.opened();
    try {
      for (;;) {
        const message = await line.read();
        this.#take(line, message);
        this.#token = message.resumeToken || this.#token;
        if (message.message.oneofKind !== "drain") continue;
        const next = this.#open();
        if (await next.isInPlace()) {
          line.close();
          line = next;
          this.#pauses.opened();
        } else {
          next.close(); // the present one is read to its end
        }
      }
    } finally {
      line.close();
    }
  }

  #open(): Line {
    return new Line({ ...this.registration, resumeCallIds: this.#calls.toResume(), resumeToken: this.#token });
  }

  #take(from: Line, { message }: HandleCallsResponse): void {
    switch (message.oneofKind) {
      case "registered":
        return this.#takeRegistration(from, message.registered);
      case "offer":
        return this.#answer(message.offer);
      case "withdraw":
        return this.#calls.withdraw(message.withdraw.offerId);
      case "assigned": {
        const call = this.#calls.assign(message.assigned);
        return call.giving ? this.#sayRelease(call) : undefined;
      }
      case "events":
        return message.events.events.forEach((event) => this.#calls.take(event));
      case "released":
        return this.#calls.release(message.released);
      case "releaseRefused":
        return this.#calls.refuse(message.releaseRefused);
      case "gap":
        return this.#calls.takeGap();
    }
  }

  #takeRegistration(from: Line, registered: WorkerRegistered): void {
    from.expect(milliseconds(registered.heartbeatInterval));
    this.#line = from;
    this.#calls.ask(from.registration.resumeCallIds);
    clearTimeout(this.#losing);
    this.#losing = setTimeout(() => this.#lose(), milliseconds(registered.resumeWindow) + awaitedMs);
    this.program.tell(undefined, this.#wasRegistered ? "back" : "ready");
    this.#wasRegistered = true;
    if (this.#isDraining) this.#say({ oneofKind: "drain", drain: {} });
    if (from.hasHole) this.#calls.takeGap();
  }

  #lose(): void {
    this.#calls.lose();
    this.#finishIfIdle();
  }

  #answer(offer: OfferCall): void {
    const { offerId } = offer;
    if (this.#isDraining) return this.#say({ oneofKind: "reject", reject: { offerId, final: false } });
    this.#calls.accept(offer);
    this.#say({ oneofKind: "accept", accept: { offerId } });
  }

  #begin(id: string, application: string): Call {
    const call = new Call(id, application, this.program.tell, (it, destination) => this.#release(it, destination));
    call.tell(`call for ${application}`);
    void this.#look(call);
    return call;
  }

  /** Has the call looked after, and gives it back where that fails or leaves it. */
  async #look(call: Call): Promise<void> {
    try {
      await this.program.handle(call);
    } catch (error) {
      const isOfRequest = error instanceof RpcError;
      if (!isOfRequest) console.error(error); // of the program's own; it harms no other call
      call.tell(`failed: ${isOfRequest ? error.code : "UNKNOWN"}`);
    }
    if (!call.over.aborted) this.#release(call);
  }

  /** Has a call given back, in place of where it was to go before. */
  #release(call: Call, destination?: Destination): void {
    call.giving = { ...(destination && { destination }), unanswered: call.giving?.unanswered ?? 0 };
    if (this.#line && this.#calls.isInPlace(call) && !call.over.aborted) this.#sayRelease(call);
  }

  /** Lost where there is no stream, and said again once the call is assigned again. */
  #sayRelease(call: Call): void {
    if (!call.giving) return;
    call.giving.unanswered += 1;
    const { destination } = call.giving;
    this.#say({ oneofKind: "release", release: { callId: call.id, ...(destination && { destination }) } });
  }
}
