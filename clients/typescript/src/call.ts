// A call that is this worker's, and how commands for it are sent.

import { RpcError, RpcOptions, UnaryCall } from "@protobuf-ts/runtime-rpc";
import { Event } from "./gen/callcontrol/v1/event";
import { Failure } from "./service";

/** So many ends are remembered, for who asks when they have come already. */
const remembered = 64;
const betweenAttemptsMs = 200;

/** How a command is sent: it may be done twice, unless it says that it is harmful. */
export interface Manner {
  withinMs: number;
  isHarmful?: boolean;
}

export class Call {
  readonly #over = new AbortController();
  /** Playbacks that stopped, and legs that it was connected with. */
  #past: string[] = [];
  #waiting: (() => void)[] = [];
  /** How often events were missing. */
  gaps = 0;
  /** The worker wants to be rid of it; for the worker alone. */
  isReleased = false;

  constructor(
    readonly id: string,
    readonly application: string,
    private readonly say: (call: Call, line: string) => void,
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

  /** The last line about the call. */
  finish(ending: string): void {
    this.tell(ending);
    this.#over.abort();
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
    while (!this.#past.includes(id) && this.gaps === gaps && !this.over.aborted) await this.#news();
    return this.#past.includes(id);
  }

  /** Returns when the call is over. */
  async whenOver(): Promise<void> {
    while (!this.over.aborted) await this.#news();
  }

  /** The answer of the first attempt that was not cut off. Throws RpcError. */
  async insist<Answer extends object>(
    manner: Manner,
    attempt: (options: RpcOptions) => UnaryCall<object, Answer>,
  ): Promise<Answer> {
    const deadline = Date.now() + manner.withinMs;
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
  return !isHarmful && reason === "OUTCOME_UNKNOWN";
}
