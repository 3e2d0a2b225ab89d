// Prints events for as long as it runs: tail_events.js [CALL_ID ...]

import { follow } from "./following";
import { Event } from "./gen/callcontrol/v1/event";
import { EventFilter, EventsRequest, Gap_Reason } from "./gen/callcontrol/v1/event_service";
import { nameOf, parsed, runProgram } from "./program";

async function main(): Promise<number> {
  const { positionals: callIds } = parsed({ allowPositionals: true });
  const filters = callIds.length > 0 ? [EventFilter.create({ callIds })] : [];
  const request = EventsRequest.create({ filters, subscriberName: "tail_events" });
  // Nothing is lost by a stream that broke, and the next one is on its way.
  for await (const item of follow(request, (failure) => console.error(`${failure}`))) {
    switch (item.kind) {
      case "event": {
        const { position, name, callId } = item.event;
        console.log(position?.nodeId, name, callId || "-", kindOf(item.event));
        break;
      }
      case "gap": // Whatever was built from events must be read anew, with ListCalls for example.
        console.log("events are missing:", item.gap.nodeId || "-", nameOf(Gap_Reason, item.gap.reason));
    }
  }
  return 0;
}

/** The name of the payload's field; a kind that is not known has no payload. */
function kindOf(event: Event): string {
  const kind = event.payload.oneofKind;
  return Event.fields.find((field) => field.localName === kind)?.name ?? "-";
}

process.once("SIGINT", () => process.exit(130));
runProgram(main);
