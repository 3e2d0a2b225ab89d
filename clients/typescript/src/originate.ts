// Places a call, plays a tone to whoever answers, hangs up: originate.js ENDPOINT [--worker
// APPLICATION] [--ids]

import { randomUUID } from "node:crypto";
import { Destination, WorkerApplication } from "./gen/callcontrol/v1/call";
import {
  Disposition,
  HangupRequest,
  OriginateRequest,
  PlayRequest,
  WaitUntil,
} from "./gen/callcontrol/v1/call_control_service";
import { CallControlServiceClient } from "./gen/callcontrol/v1/call_control_service.client";
import { MediaSource } from "./gen/callcontrol/v1/common";
import { Event } from "./gen/callcontrol/v1/event";
import { EventFilter, EventsRequest } from "./gen/callcontrol/v1/event_service";
import { EventServiceClient } from "./gen/callcontrol/v1/event_service.client";
import { endpoint } from "./places";
import { nameOf, parsed, runProgram, UsageError } from "./program";
import { connect, isOver, seconds } from "./service";

const patience = { timeout: 10_000 };

async function main(): Promise<number> {
  const { values, positionals } = parsed({
    options: { worker: { type: "string" }, ids: { type: "boolean" } },
    allowPositionals: true,
  });
  const [words, ...more] = positionals;
  if (!words || more.length > 0) throw new UsageError("usage: originate.js ENDPOINT [--worker APPLICATION] [--ids]");
  const whom = endpoint(words);

  const transport = connect();
  const calls = new CallControlServiceClient(transport);
  const callId = randomUUID();
  const say = (line: string) => console.log(values.ids ? `${callId} ${line}` : line);

  const filters = [EventFilter.create({ callIds: [callId] })];
  const request = EventsRequest.create({ filters, subscriberName: "originate" });
  const messages = new EventServiceClient(transport).events(request).responses[Symbol.asyncIterator]();
  await messages.next(); // started: nothing of the call can be missed any more

  say("calling");
  const { response: placed } = await calls.originate(
    OriginateRequest.create({
      requestId: randomUUID(), // the same id again would not ring a second time
      callId,
      endpoints: [whom],
      destination: destination(values.worker),
      ringTimeout: seconds(30),
      waitUntil: WaitUntil.ANSWERED,
      hangupOnCancel: true, // interrupt this program and the telephone stops ringing
    }),
    { timeout: 40_000 },
  );
  if (placed.disposition !== Disposition.ANSWERED) {
    // Busy, rejected or unanswered is an answer of the service and no error.
    say(`not answered: ${nameOf(Disposition, placed.disposition)} ${placed.hangupCause?.name ?? ""}`);
    return 1;
  }
  say("answered");
  if (values.worker) return 0;

  const tone = MediaSource.create({ source: { oneofKind: "toneStream", toneStream: "%(500,100,440)" } });
  const playback = await unlessOver(calls.play(PlayRequest.create({ callId, sources: [tone] }), patience).response);
  if (playback) say("playing");
  for await (const event of eventsOf({ [Symbol.asyncIterator]: () => messages })) {
    const { payload } = event;
    if (payload.oneofKind === "callEnded" && event.callId === callId) {
      say(`ended ${payload.callEnded.cause?.name ?? ""}`);
      break;
    }
    if (payload.oneofKind === "playbackStopped" && payload.playbackStopped.playbackId === playback?.playbackId) {
      if (payload.playbackStopped.completed) say("played");
      await unlessOver(calls.hangup(HangupRequest.create({ callId }), patience).response);
    }
  }
  return 0;
}

function destination(application: string | undefined): Destination {
  if (!application) return { kind: { oneofKind: "park", park: {} } };
  return { kind: { oneofKind: "worker", worker: WorkerApplication.create({ name: application }) } };
}

async function* eventsOf(messages: AsyncIterable<{ events: Event[] }>): AsyncGenerator<Event> {
  for await (const message of messages) yield* message.events;
}

/** The answer, or nothing where the call has ended. */
async function unlessOver<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isOver(error)) return undefined;
    throw error;
  }
}

process.once("SIGINT", () => process.exit(130));
runProgram(main);
