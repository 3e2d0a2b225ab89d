// What all programs have in common: their arguments, and how they end.

import { parseArgs, ParseArgsConfig } from "node:util";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { Failure } from "./service";

/** Arguments that make no sense. */
export class UsageError extends Error {}

/** The arguments of the program. Throws UsageError. */
export function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Name of a value of an enum, without its prefix; its number where it is not known. */
export function nameOf(names: Record<number, string>, value: number): string {
  return names[value] ?? `${value}`;
}

/**
 * Runs the program and ends the process with the status that it returns: 2 for wrong arguments, 1 for
 * a request that fails.
 */
export function runProgram(main: () => Promise<number>): void {
  main().then(
    (status) => process.exit(status),
    (error: unknown) => {
      if (!(error instanceof UsageError || error instanceof RpcError)) throw error;
      console.error(error instanceof RpcError ? `${new Failure(error)}` : error.message);
      process.exit(error instanceof UsageError ? 2 : 1);
    },
  );
}
