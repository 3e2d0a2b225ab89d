// Streams that are given up when they are silent, the pauses between them, and what came lately.

import { GrpcTransport } from "@protobuf-ts/grpc-transport";
import { RpcError, RpcOutputStream } from "@protobuf-ts/runtime-rpc";
import { connect, Failure } from "./service";

const openingMs = 20_000;
const missedHeartbeats = 3;
const leastSilenceMs = 10_000;
const longestMovingMs = 5_000;

/**
 * A request with many answers, on a connection of its own. Its reads end: a connection can stay
 * although nothing comes by it any more.
 */
export class Stream<Message extends object> {
  readonly #transport: GrpcTransport;
  readonly #abort = new AbortController();
  readonly #messages: AsyncIterator<Message>;
  #patienceMs = openingMs;
  /** Messages that were looked at, and are to be read. */
  #seen: Message[] = [];

  /** Begins a request; its errors are told by the first read. */
  constructor(
    ask: (transport: GrpcTransport, abort: AbortSignal) => RpcOutputStream<Message>,
    where: "first" | "any" = "first",
  ) {
    this.#transport = connect(where);
    this.#messages = ask(this.#transport, this.#abort.signal)[Symbol.asyncIterator]();
  }

  /** The next message. Throws RpcError; an end with OK is one, too, as is silence. */
  async read(): Promise<Message> {
    const seen = this.#seen.shift();
    if (seen) return seen;
    let isSilent = false;
    const silence = setTimeout(() => {
      isSilent = true;
      this.#abort.abort();
    }, this.#patienceMs);
    try {
      const next = await this.#messages.next();
      if (!next.done) return next.value;
      throw new RpcError("the server ended the stream", "OK");
    } catch (error) {
      throw isSilent ? new RpcError("nothing came for too long", "DEADLINE_EXCEEDED") : error;
    } finally {
      clearTimeout(silence);
    }
  }

  /** Sets how long a read may take, by the heartbeat that the service told. */
  expect(heartbeatMs: number): void {
    this.#patienceMs = Math.max(leastSilenceMs, missedHeartbeats * heartbeatMs);
  }

  /**
   * Waits for the first message, which `read` gives all the same. It is for a stream to move to, and
   * waits less long than `read`.
   */
  async isInPlace(): Promise<boolean> {
    this.#patienceMs = longestMovingMs;
    try {
      this.#seen.push(await this.read());
      return true;
    } catch (error) {
      if (error instanceof RpcError) return false;
      throw error;
    } finally {
      this.#patienceMs = openingMs;
    }
  }

  /** Ends the request and its connection. */
  close(): void {
    this.#abort.abort();
    this.#transport.close();
  }
}

const firstDelayMs = 500;
const longestDelayMs = 10_000;
const livedMs = 10_000;

/** The pauses between streams: the longer, the oftener streams break. */
export class Pauses {
  #delayMs = firstDelayMs;
  #opened = 0;

  /** To be called whenever a stream is opened, or moved to. */
  opened(): void {
    this.#opened = performance.now();
  }

  /** Returns when another stream may be opened. */
  async wait(failure: Failure): Promise<void> {
    if (performance.now() - this.#opened >= livedMs) this.#delayMs = firstDelayMs;
    const pauseMs = failure.retryInMs + Math.random() * this.#delayMs;
    this.#delayMs = Math.min(2 * this.#delayMs, longestDelayMs);
    await new Promise((resume) => setTimeout(resume, pauseMs));
  }
}

const remembered = 16_384;

/** Knows the newest ids that it was asked about: at least 16 384 of them, at most twice as many. */
export class RecentIds {
  #newer = new Set<string>();
  #older = new Set<string>();

  /** Whether an id was not seen lately; from now on it was. An event without an id is new. */
  isNew(id: string): boolean {
    if (id === "") return true;
    if (this.#newer.has(id) || this.#older.has(id)) return false;
    if (this.#newer.size >= remembered) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(id);
    return true;
  }
}
