// Short words for whom to call.

import { Endpoint, Loopback } from "./gen/callcontrol/v1/call";
import { UsageError } from "./program";

/**
 * Whom to call: user/USER[@DOMAIN], gateway/GATEWAY/NUMBER, sofia/PROFILE/USER@HOST or
 * loopback/EXTENSION[/CONTEXT]. Throws UsageError.
 */
export function endpoint(words: string): Endpoint {
  const [kind, rest] = parted(words, "/");
  const [first, second = ""] = parted(rest ?? "", "/");
  if (kind === "user" && first && !rest?.includes("/")) {
    const [id, domain = ""] = parted(first, "@");
    return Endpoint.create({ target: { oneofKind: "user", user: { id, domain } } });
  }
  if (kind === "gateway" && first && second) {
    return Endpoint.create({ target: { oneofKind: "gateway", gateway: { gateway: first, number: second } } });
  }
  if (kind === "sofia" && first && second) {
    return Endpoint.create({ target: { oneofKind: "sip", sip: { profile: first, address: second } } });
  }
  if (kind === "loopback" && first) {
    const loopback = Loopback.create({ extension: first, context: second });
    return Endpoint.create({ target: { oneofKind: "loopback", loopback } });
  }
  throw new UsageError(
    `"${words}" is none of user/USER[@DOMAIN], gateway/GATEWAY/NUMBER, ` +
      "sofia/PROFILE/USER@HOST, loopback/EXTENSION[/CONTEXT]",
  );
}

/** What is before the first mark and what is behind it, if there is one. */
function parted(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
