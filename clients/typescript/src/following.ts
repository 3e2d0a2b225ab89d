// Events one by one for as long as one likes, whatever breaks on the way: the rules of docs/events.md,
// but for those of snapshots.

import { Event } from "./gen/callcontrol/v1/event";
import { EventsRequest, EventsResponse, Gap, Gap_Reason, StartPosition } from "./gen/callcontrol/v1/event_service";
import { EventServiceClient } from "./gen/callcontrol/v1/event_service.client";
import { Failure, milliseconds } from "./service";
import { Pauses, RecentIds, Stream } from "./stream";

/** After a gap, what was built from events must be read anew. */
export type Item = { kind: "event"; event: Event } | { kind: "gap"; gap: Gap };

/**
 * What the same request meets again. Anything else may pass: a proxy that cuts a stream makes it
 * INTERNAL or UNKNOWN as well as UNAVAILABLE.
 */
const hopeless = new Set([
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "UNIMPLEMENTED",
  "OUT_OF_RANGE",
]);

/**
 * What the request asks for, in order and none of it twice, without an end. Throws what the service
 * would say again; each stream that broke before is told to onBreak.
 */
export function follow(request: EventsRequest, onBreak: (failure: Failure) => void): AsyncGenerator<Item> {
  return new Follower(request, onBreak).items();
}

class Follower {
  readonly #recent = new RecentIds();
  readonly #pauses = new Pauses();
  /** The newest token that came. */
  #token = "";
  /** A stream was in place, so what is missing from now on is missed. */
  #hasBegun = false;
  /**
   * To be told when the next stream is in place: what is read anew before would lack what happens until
   * then.
   */
  #hole: Gap | undefined;

  constructor(
    readonly request: EventsRequest,
    readonly onBreak: (failure: Failure) => void,
  ) {}

  async *items(): AsyncGenerator<Item> {
    for (;;) {
      try {
        yield* this.#read();
      } catch (error) {
        const failure = new Failure(error);
        if (failure.code === "OUT_OF_RANGE" && this.#hasPlace()) {
          this.#token = "";
          delete this.request.start;
          this.#hole = Gap.create({ reason: Gap_Reason.HISTORY_EXPIRED });
          continue;
        }
        if (hopeless.has(failure.code)) throw error;
        this.onBreak(failure);
        if (this.#hasBegun && !this.#hasPlace()) this.#hole ??= Gap.create();
        await this.#pauses.wait(failure);
      }
    }
  }

  /** Reads one stream to its end, and those that it is told to move to. */
  async *#read(): AsyncGenerator<Item> {
    let stream = this.#open();
    this.#pauses.opened();
    try {
      for (;;) {
        const message = await stream.read();
        if (message.notice.oneofKind === "started") {
          this.#hasBegun = true;
          stream.expect(milliseconds(message.notice.started.heartbeatInterval));
        }
        yield* this.#news(message);
        this.#token = message.resumeToken || this.#token;
        if (message.notice.oneofKind !== "goingAway" || !this.#token) continue;
        const next = this.#open();
        if (await next.isInPlace()) {
          stream.close();
          stream = next;
          this.#pauses.opened();
        } else {
          next.close(); // the present one is read to its end
        }
      }
    } finally {
      stream.close();
    }
  }

  #open(): Stream<EventsResponse> {
    if (this.#token) {
      this.request.start = StartPosition.create({
        position: { oneofKind: "resumeToken", resumeToken: this.#token },
      });
    }
    return new Stream(
      (transport, abort) => new EventServiceClient(transport).events(this.request, { abort }).responses,
    );
  }

  *#news(message: EventsResponse): Generator<Item> {
    const { notice } = message;
    if (this.#hole && notice.oneofKind === "started") {
      yield { kind: "gap", gap: this.#hole };
      this.#hole = undefined;
    }
    for (const event of message.events) {
      if (this.#recent.isNew(event.eventId)) yield { kind: "event", event };
    }
    if (notice.oneofKind === "gap") yield { kind: "gap", gap: notice.gap };
  }

  /** Whether the next stream goes on somewhere, and does not begin now. */
  #hasPlace(): boolean {
    return this.#token !== "" || this.request.start !== undefined;
  }
}
