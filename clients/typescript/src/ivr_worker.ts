// Takes calls of an application, asks for a digit, and connects with ENDPOINT on 1:
// ivr_worker.js APPLICATION ENDPOINT [--operators APPLICATION] [--name NAME] [--max-calls N]
// [--grace SECONDS] [--ids]

import { randomUUID } from "node:crypto";
import { Call } from "./call";
import { Destination, Endpoint } from "./gen/callcontrol/v1/call";
import {
  AnswerRequest,
  CollectDigitsRequest,
  CollectDigitsResponse_Result as Result,
  DialAndBridgeRequest,
  Disposition,
  GetCallRequest,
  HangupRequest,
  PlayRequest,
  WaitUntil,
} from "./gen/callcontrol/v1/call_control_service";
import { CallControlServiceClient } from "./gen/callcontrol/v1/call_control_service.client";
import { RegisterWorker } from "./gen/callcontrol/v1/call_handling_service";
import { MediaSource } from "./gen/callcontrol/v1/common";
import { endpoint } from "./places";
import { nameOf, parsed, runProgram, UsageError } from "./program";
import { connect, Failure, seconds } from "./service";
import { Worker } from "./working";

const usage =
  "usage: ivr_worker.js APPLICATION ENDPOINT [--operators APPLICATION] [--name NAME] [--max-calls N] " +
  "[--grace SECONDS] [--ids]";
const soon = { withinMs: 10_000 };

async function main(): Promise<number> {
  const { values, positionals } = parsed({
    options: {
      operators: { type: "string", default: "" },
      name: { type: "string", default: "ivr-worker" },
      "max-calls": { type: "string", default: "10" },
      grace: { type: "string", default: "30" },
      ids: { type: "boolean" },
    },
    allowPositionals: true,
  });
  const [application, whom, ...more] = positionals;
  const [maxCalls, grace] = [Number(values["max-calls"]), Number(values.grace)];
  if (!application || !whom || more.length > 0 || !Number.isInteger(maxCalls) || Number.isNaN(grace)) {
    throw new UsageError(usage);
  }
  const menu = new Menu(endpoint(whom), values.operators);
  const worker = new Worker(RegisterWorker.create({ workerName: values.name, applications: [application], maxCalls }), {
    handle: (call) => menu.handle(call),
    tell: (call, line) => console.log(call && values.ids ? `${call.id} ${line}` : line),
    onBreak: (failure) => console.error(`${failure}`),
  });
  drainAtSignal(() => worker.drain(grace * 1000));
  await worker.run();
  console.log("done");
  return 0;
}

/** The first signal drains, the second one ends the program at once. */
function drainAtSignal(drain: () => void): void {
  let act = (): void => {
    act = () => process.exit(130);
    drain();
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => act());
}

/** What is done with each call. */
class Menu {
  readonly #calls = new CallControlServiceClient(connect());

  /** On 0 a call goes to the operators, if there are any. */
  constructor(
    readonly endpoint: Endpoint,
    readonly operators: string,
  ) {}

  /** Returns once the call is over. Throws RpcError where a request fails. */
  async handle(call: Call): Promise<void> {
    const callId = call.id;
    await call.do(soon, (options) => this.#calls.answer(AnswerRequest.create({ callId }), options));
    call.tell("answered");
    switch (await this.#ask(call)) {
      case "0":
        await this.#handOn(call);
        break;
      case "1":
        await this.#connect(call);
        break;
      case "2":
        await this.#sayGoodbye(call);
        break;
    }
    await call.do(soon, (options) => this.#calls.hangup(HangupRequest.create({ callId }), options));
    await call.whenOver();
  }

  /** The digit, or nothing. */
  async #ask(call: Call): Promise<string> {
    call.tell("menu");
    const request = CollectDigitsRequest.create({
      callId: call.id,
      prompt: [tone("%(300,100,440);loops=2")],
      minDigits: 1,
      maxDigits: 1,
      timeout: seconds(5),
    });
    const { result, digits } = await call.do({ withinMs: 20_000 }, (options) =>
      this.#calls.collectDigits(request, options),
    );
    if (result === Result.COLLECTED) {
      call.tell(`digit ${digits}`);
      return digits;
    }
    if (result === Result.CALL_ENDED) await call.waitForEnd();
    call.tell("no digit");
    return "";
  }

  /** Gives the call to another worker; it goes on here where it cannot be given to that one. */
  async #handOn(call: Call): Promise<void> {
    if (!this.operators) return;
    call.tell("handing on");
    try {
      await call.release(Destination.create({ kind: { oneofKind: "worker", worker: { name: this.operators } } }));
    } catch (error) {
      call.tell(`not handed on: ${new Failure(error).code}`);
    }
  }

  /** Dials the endpoint, and returns when the two are parted again. */
  async #connect(call: Call): Promise<void> {
    call.tell("bridging");
    const { gaps } = call;
    const request = DialAndBridgeRequest.create({
      requestId: randomUUID(), // the same id again would not ring a second time
      callId: call.id,
      endpoints: [this.endpoint],
      ringTimeout: seconds(30),
      continueAfter: true,
      waitUntil: WaitUntil.ANSWERED,
    });
    const { legs, disposition } = await call.do({ withinMs: 40_000, isHarmful: true }, (options) =>
      this.#calls.dialAndBridge(request, options),
    );
    const partner = legs.find((leg) => leg.disposition === Disposition.ANSWERED);
    if (!partner) return call.tell(`not bridged: ${nameOf(Disposition, disposition)}`);
    call.tell("bridged");
    await this.#whenUnbridged(call, partner.callId, gaps);
  }

  /** Looks at the call where events are missing. */
  async #whenUnbridged(call: Call, partner: string, gaps: number): Promise<void> {
    while (!(await call.waitFor(partner, gaps)) && !call.over.aborted) {
      gaps = call.gaps;
      const request = GetCallRequest.create({ callId: call.id });
      const now = await call.do(soon, (options) => this.#calls.getCall(request, options));
      if (now.call?.bridgedCallId !== partner) return;
    }
  }

  /** Returns when the tone has stopped, or may have. */
  async #sayGoodbye(call: Call): Promise<void> {
    call.tell("goodbye");
    const { gaps } = call;
    const request = PlayRequest.create({ callId: call.id, sources: [tone("%(500,0,330)")] });
    const { playbackId } = await call.do(soon, (options) => this.#calls.play(request, options));
    await call.waitFor(playbackId, gaps);
  }
}

function tone(words: string): MediaSource {
  return MediaSource.create({ source: { oneofKind: "toneStream", toneStream: words } });
}

runProgram(main);
