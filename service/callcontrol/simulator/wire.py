"""Writes an event in the form a connection asked for."""

from xml.sax.saxutils import escape

from callcontrol.esl.serialize import (
    encode_event_json,
    encode_event_plain,
    encode_value_plain,
    event_frame,
)
from callcontrol.simulator.events import CoreEvent, Header


def encoded_event(event: CoreEvent, form: str) -> bytes:
    """The whole frame."""
    if form == "json":
        return event_frame(encode_event_json(event.headers, event.body), form)
    if form == "xml":
        return event_frame(event_xml(event.headers, event.body).encode(), form)
    return event_frame(encode_event_plain(event.headers, event.body or ""), form)


def event_xml(headers: list[Header], body: str | None = None) -> str:
    """The XML form: header values percent-encoded and then escaped, the body only escaped."""
    lines = ["<event>", "  <headers>"]
    for name, value in headers:
        values = [value] if isinstance(value, str) else value
        lines += [f"    <{name}>{escape(encode_value_plain(one))}</{name}>" for one in values]
    lines.append("  </headers>")
    if body is not None:
        lines.append(f"  <Content-Length>{len(body.encode())}</Content-Length>")
        lines.append(f"  <body>{escape(body)}</body>")
    return "\n".join([*lines, "</event>", ""])
