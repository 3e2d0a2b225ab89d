// What a worker has: every call begins once and ends once, whatever comes how often.

import { Call } from "./call";
import { CallAssigned, CallReleased, OfferCall, ReleaseRefused } from "./gen/callcontrol/v1/call_handling_service";
import { Event } from "./gen/callcontrol/v1/event";
import { refusal } from "./service";
import { RecentIds } from "./stream";

export class Calls {
  readonly #owned = new Map<string, Call>();
  /** Offers that were accepted on this stream, by their ids. */
  readonly #accepted = new Map<string, OfferCall>();
  /** Those that were accepted on a stream before, by the id of the call. */
  readonly #hoped = new Map<string, OfferCall>();
  /** Calls that were asked for, and of which nothing came yet. */
  #asked = new Set<string>();
  readonly #recent = new RecentIds();

  constructor(private readonly begin: (id: string, application: string) => Call) {}

  /** Whether there is no call, and nothing that may become one. */
  get isEmpty(): boolean {
    return this.#owned.size + this.#accepted.size + this.#hoped.size === 0;
  }

  /** The calls to ask for on the next stream. Offers of this one are off. */
  toResume(): string[] {
    for (const offer of this.#accepted.values()) this.#hoped.set(offer.call?.callId ?? "", offer);
    this.#accepted.clear();
    for (const call of this.#owned.values()) call.leave();
    return [...this.#owned.keys(), ...this.#hoped.keys()].sort();
  }

  /** Of these calls the service is to tell now. */
  ask(ids: string[]): void {
    this.#asked = new Set(ids);
  }

  accept(offer: OfferCall): void {
    this.#accepted.set(offer.offerId, offer);
  }

  withdraw(offerId: string): void {
    this.#accepted.delete(offerId);
  }

  /** Begins a call, or gives the one that the worker has got back. */
  assign(assigned: CallAssigned): Call {
    const id = assigned.call?.callId ?? "";
    const offer = this.#accepted.get(assigned.offerId) ?? this.#hoped.get(id);
    this.#accepted.delete(assigned.offerId);
    this.#hoped.delete(id);
    this.#asked.delete(id);
    let call = this.#owned.get(id);
    if (!call) {
      call = this.begin(id, offer?.application ?? "");
      this.#owned.set(id, call);
    }
    call.assign();
    return call;
  }

  release({ callId, hangupCause }: CallReleased): void {
    const wasAsked = this.#asked.delete(callId);
    this.#hoped.delete(callId);
    const call = this.#owned.get(callId);
    this.#owned.delete(callId);
    if (hangupCause) call?.finish(`ended ${hangupCause.name}`);
    else call?.finish(wasAsked && !call.giving ? "lost" : "released");
  }

  /** A call cannot go where it was released to, unless it was released once more since. */
  refuse(refused: ReleaseRefused): void {
    const call = this.#owned.get(refused.callId);
    if (!call?.giving?.unanswered) return;
    call.giving.unanswered -= 1;
    if (call.giving.unanswered === 0) call.refuse(refusal(refused));
  }

  /** Whether it is not asked for just now: of one that is not assigned yet the service says that it is another's. */
  isInPlace(call: Call): boolean {
    return !this.#asked.has(call.id);
  }

  /** Ends what was asked for and did not come. */
  lose(): void {
    for (const id of this.#asked) {
      this.#owned.get(id)?.finish("lost");
      this.#owned.delete(id);
      this.#hoped.delete(id);
    }
    this.#asked.clear();
  }

  /** Ends everything, as the worker does. */
  leave(): void {
    for (const call of this.#owned.values()) call.finish("left");
    this.#owned.clear();
    this.#accepted.clear();
    this.#hoped.clear();
  }

  /** Passes an event on to the call that it is about, or to both that it tells of. */
  take(event: Event): void {
    if (!this.#recent.isNew(event.eventId)) return;
    const about = new Set([event.callId]);
    if (event.payload.oneofKind === "callUnbridged") {
      about.add(event.payload.callUnbridged.callId).add(event.payload.callUnbridged.peerCallId);
    }
    for (const id of about) this.#owned.get(id)?.take(event);
  }

  takeGap(): void {
    for (const call of this.#owned.values()) call.takeGap();
  }
}
