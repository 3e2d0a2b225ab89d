// A call that is this worker's, and how commands for it are sent.

import { RpcError, RpcOptions, UnaryCall } from "@protobuf-ts/runtime-rpc";
import { Destination } from "./gen/callcontrol/v1/call";
import { Event } from "./gen/callcontrol/v1/event";
import { Failure, isOver } from "./service";

/** So many ends are remembered, for who asks when they have come already. */
const remembered = 64;
const betweenAttemptsMs = 200;
/** Until the news of an end that a command has told already. */
const newsMs = 5_000;
/** A larger message, with what is around it, would end the stream of all calls. */
const mostBytes = 255 * 1024;

/** How a command is sent: it may be done twice, unless it says that it is harmful. */
export interface Manner {
  withinMs: number;
  isHarmful?: boolean;
}

/** How a worker wants to be rid of a call. */
export interface Giving {
  destination?: Destination;
  /** How often it was said since the call was assigned last, each of which is answered. */
  unanswered: number;
}

type Attempt<Answer extends object> = (options: RpcOptions) => UnaryCall<object, Answer>;

export class Call {
  readonly #over = new AbortController();
  /** Playbacks that stopped, and legs that it was connected with. */
  #past: string[] = [];
  #waiting: (() => void)[] = [];
  /** How often events were missing. */
  gaps = 0;
  /** How often the service has told that the call is the worker's. */
  #assignments = 0;
  /** The stream broke since then: the service may have to find the call again. */
  #isAway = false;
  #refusal: RpcError | undefined;
  /** How the worker wants to be rid of it; for the worker alone. */
  giving: Giving | undefined;

  constructor(
    readonly id: string,
    readonly application: string,
    private readonly say: (call: Call, line: string) => void,
    private readonly give: (call: Call, destination?: Destination) => void,
  ) {
    this.over.addEventListener("abort", () => this.#wake());
  }

  /** Aborted when the call is not this worker's any more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Says a line about the call, unless it is over: nothing follows its last line. */
  tell(line: string): void {
    if (!this.over.aborted) this.say(this, line);
  }

  /**
   * Gives the call back: to the dialplan, or to a destination. Returns once the call is not this worker's any more;
   * throws RpcError where no call can go there: it is the worker's as before then.
   */
  async release(destination?: Destination): Promise<void> {
    const size = this.id.length + (destination ? Destination.toBinary(destination).length : 0);
    if (size > mostBytes)
      throw new RpcError(`a release of ${size} bytes is too large to be said`, "RESOURCE_EXHAUSTED");
    this.#refusal = undefined;
    this.give(this, destination);
    await this.#until(() => this.#refusal !== undefined);
    if (this.#refusal && !this.over.aborted) throw this.#refusal;
  }

  /** It cannot be released to there. */
  refuse(refusal: RpcError): void {
    this.giving = undefined;
    this.#refusal = refusal;
    this.#wake();
  }

  /** The last line about the call. */
  finish(ending: string): void {
    this.tell(ending);
    this.#over.abort();
  }

  /** The call is the worker's, or again. */
  assign(): void {
    this.#assignments += 1;
    this.#isAway = false;
    if (this.giving) this.giving.unanswered = 0;
    this.#wake();
  }

  /** The call is one that has to be found again. */
  leave(): void {
    this.#isAway = true;
    this.#wake();
  }

  take({ payload }: Event): void {
    if (payload.oneofKind === "playbackStopped") this.#remember(payload.playbackStopped.playbackId);
    if (payload.oneofKind === "callUnbridged") {
      this.#remember(payload.callUnbridged.callId);
      this.#remember(payload.callUnbridged.peerCallId);
    }
  }

  takeGap(): void {
    this.gaps += 1;
    this.#wake();
  }

  /**
   * Returns when a playback has stopped or a leg was parted from the call, whichever has this id; or when events are
   * missing that were not among so many gaps, or the call is over. It says whether it has come.
   */
  async waitFor(id: string, gaps: number): Promise<boolean> {
    await this.#until(() => this.#past.includes(id) || this.gaps !== gaps);
    return this.#past.includes(id);
  }

  /** Returns when the call is over. */
  async whenOver(): Promise<void> {
    await this.#until(() => false);
  }

  /** Returns when the call is over, as it is known to be, or when that does not show. */
  async waitForEnd(): Promise<void> {
    await this.#until(() => false, Date.now() + newsMs);
  }

  /**
   * Sends a command about the call; throws RpcError. One for a call that is not known waits for its
   * end; or for its assignment, and is sent again then: a service that has begun anew has to find the
   * call first.
   */
  async do<Answer extends object>(manner: Manner, attempt: Attempt<Answer>): Promise<Answer> {
    const deadline = Date.now() + manner.withinMs;
    for (;;) {
      const seen = this.#assignments;
      try {
        return await this.#insist(deadline, manner, attempt);
      } catch (error) {
        if (!isOver(error) || !(await this.#comesBack(seen, deadline))) throw error;
      }
    }
  }

  /** The answer of the first attempt that was not cut off. */
  async #insist<Answer extends object>(deadline: number, manner: Manner, attempt: Attempt<Answer>): Promise<Answer> {
    for (;;) {
      if (this.over.aborted) throw new RpcError("the call is over", "CANCELLED");
      const abort = AbortSignal.any([this.over]);
      try {
        return await attempt({ timeout: new Date(deadline), abort, metadataOptions: { waitForReady: true } }).response;
      } catch (error) {
        const isLate = Date.now() + betweenAttemptsMs >= deadline;
        if (isLate || !mayPass(new Failure(error), manner)) throw error;
      }
      await new Promise((resume) => setTimeout(resume, betweenAttemptsMs));
    }
  }

  /** Whether the call is assigned once more, which it was so often before. */
  async #comesBack(seen: number, deadline: number): Promise<boolean> {
    const isBack = (): boolean => this.#assignments !== seen;
    const hasNews = await this.#until(() => this.#isAway || isBack(), Date.now() + newsMs);
    return hasNews && (await this.#until(isBack, deadline));
  }

  /** Waits for something to be so; false when it is not, by the deadline or at the end of the call. */
  async #until(isSo: () => boolean, deadline?: number): Promise<boolean> {
    const timer = deadline && setTimeout(() => this.#wake(), deadline - Date.now() + 1);
    try {
      while (!isSo()) {
        if (this.over.aborted || (deadline && Date.now() >= deadline)) return false;
        await this.#news();
      }
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  #remember(id: string): void {
    this.#past = [...this.#past, id].slice(-remembered);
    this.#wake();
  }

  #news(): Promise<void> {
    return new Promise((resume) => this.#waiting.push(resume));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    waiting.forEach((resume) => resume());
  }
}

/** A harmful command is sent again only where the service says that nothing was sent. */
function mayPass({ code, reason }: Failure, { isHarmful }: Manner): boolean {
  if (code === "UNAVAILABLE") return !isHarmful || reason !== "";
  // CANCELLED by a server that stops; what is cancelled here ends the waiting, too.
  return !isHarmful && (code === "CANCELLED" || reason === "OUTCOME_UNKNOWN");
}
