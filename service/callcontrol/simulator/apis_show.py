"""The API command show: tables of channels, calls and other things, as text, JSON, XML."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from callcontrol.simulator.apis import ApiCall, Handler, later
from callcontrol.simulator.words import words

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

Row = dict[str, str]

USAGE = (
    "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels "
    "[count|like <match string>]|calls|detailed_calls|bridged_calls|detailed_bridged_calls|"
    "aliases|complete|chat|management|modules|nat_map|say|interfaces|interface_types|tasks|"
    "limits|status\n"
)


def channel_row(leg: "Leg") -> Row:
    """A row of `show channels`, from the channel's state."""
    channel = leg.channel
    profile, created = channel.profile, channel.times.created // 1_000_000
    read, write = channel.read_codec, channel.write_codec
    in_bridge = leg.bridge_peer is not None
    return {
        "uuid": channel.call_id,
        "direction": channel.kind.direction,
        "created": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "created_epoch": str(created),
        "name": channel.name,
        "state": f"CS_{channel.running.name}",
        "cid_name": profile.caller_id_name,
        "cid_num": profile.caller_id_number,
        "ip_addr": profile.network_addr,
        "dest": profile.destination_number,
        "application": channel.application,
        "application_data": channel.application_data,
        "dialplan": profile.dialplan,
        "context": profile.context,
        "read_codec": read.name if read else "",
        "read_rate": str(read.rate) if read else "",
        "read_bit_rate": str(read.bit_rate) if read else "",
        "write_codec": write.name if write else "",
        "write_rate": str(write.rate) if write else "",
        "write_bit_rate": str(write.bit_rate) if write else "",
        "secure": "",
        "hostname": leg.switch.settings.hostname,
        "presence_id": channel.presence_id,
        "presence_data": "",
        "accountcode": channel.get("accountcode"),
        "callstate": channel.call_state.name,
        "callee_name": profile.callee_id_name,
        "callee_num": profile.callee_id_number,
        "callee_direction": "",
        "call_uuid": (channel.call_uuid or channel.call_id) if in_bridge else "",
        "sent_callee_name": channel.get("last_sent_callee_id_name"),
        "sent_callee_num": channel.get("last_sent_callee_id_number"),
        "initial_cid_name": profile.orig_caller_id_name,
        "initial_cid_num": profile.orig_caller_id_number,
        "initial_ip_addr": profile.network_addr,
        "initial_dest": profile.rdnis or profile.destination_number,
        "initial_dialplan": profile.dialplan,
        "initial_context": profile.context,
    }


_A = words("""uuid direction created created_epoch name state cid_name cid_num ip_addr dest
presence_id presence_data accountcode callstate callee_name callee_num callee_direction call_uuid
hostname sent_callee_name sent_callee_num""")
_B = [column for column in _A if column not in ("call_uuid", "hostname")]


def _channels(switch: "Switch", like: str = "") -> list[Row]:
    rows = [channel_row(leg) for leg in switch.legs.values() if leg.channel.profile.created_us]
    if like:
        columns = ("uuid", "name", "cid_name", "cid_num", "presence_data", "accountcode", "dest")
        rows = [row for row in rows if any(like in row[column] for column in columns)]
    return rows


def _calls(switch: "Switch", *, is_bridged: bool = False) -> list[Row]:
    rows: list[Row] = []
    for leg in switch.legs.values():
        peer = leg.bridge_peer
        if not leg.channel.profile.created_us or (peer is not None and not leg.leads_bridge):
            continue
        if is_bridged and peer is None:
            continue
        a = channel_row(leg)
        b = dict.fromkeys(_B, "") if peer is None else channel_row(peer)
        row = {column: a[column] for column in _A}
        row |= {f"b_{column}": b[column] for column in _B}
        row["call_created_epoch"] = a["created_epoch"] if peer is not None else ""
        rows.append(row)
    return rows


def _tasks(switch: "Switch") -> list[Row]:
    return [
        {
            "task_id": str(number),
            "task_desc": scheduled.description,
            "task_group": scheduled.group,
            "task_runtime": str(scheduled.due_s),
            "task_sql_manager": "0",
            "hostname": switch.settings.hostname,
        }
        for number, scheduled in switch.schedule.items()
    ]


def _nothing(_: "Switch") -> list[Row]:
    return []


_TABLES: dict[str, Callable[["Switch"], list[Row]]] = {
    "aliases": _nothing,
    "bridged_calls": lambda switch: _calls(switch, is_bridged=True),
    "calls": _calls,
    "channels": _channels,
    "detailed_bridged_calls": lambda switch: _calls(switch, is_bridged=True),
    "detailed_calls": _calls,
    "limits": _nothing,
    "modules": _nothing,
    "nat_map": _nothing,
    "registrations": _nothing,
    "tasks": _tasks,
}
_COUNTABLE = ("channels", "calls", "registrations")


def _show(call: ApiCall) -> str:
    asked = call.argument.split()
    table = asked[0].lower() if asked else ""
    if table not in _TABLES:
        return USAGE
    form, separator = "", ","
    if "as" in asked[1:] and (table in _COUNTABLE or asked[1] == "as"):
        position = asked.index("as")
        form = asked[position + 1].lower() if position + 1 < len(asked) else ""
        if form == "delim" and position + 2 < len(asked):
            separator = asked[position + 2]
        del asked[position:]
    if form not in ("", "json", "xml", "delim", "csv"):
        return f"-ERR Cannot find format {form}\n"
    if table == "channels" and len(asked) > 2 and asked[1] == "like":
        rows = _channels(call.switch, " ".join(asked[2:]))
    else:
        rows = _TABLES[table](call.switch)
    if table in _COUNTABLE and len(asked) > 1 and asked[1] == "count":
        return _count(len(rows), form)
    return _table(rows, form, separator)


def _count(rows: int, form: str) -> str:
    if form == "json":
        return f'{{"row_count":{rows},"rows":[]}}'
    if form == "xml":
        return f'<result row_count="{rows}"></result>\n'
    return f"\n{rows} total.\n"


def _table(rows: list[Row], form: str, separator: str) -> str:
    if form == "json":
        if not rows:
            return '{"row_count": 0}\n'
        listed = {"row_count": len(rows), "rows": rows}
        return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    if form == "xml":
        return _xml(rows)
    if not rows:
        return "\n0 total.\n"
    lines = [separator.join(rows[0]), *(separator.join(row.values()) for row in rows)]
    return "\n".join(lines) + f"\n\n{len(rows)} total.\n"


def _xml(rows: list[Row]) -> str:
    if not rows:
        return '<result row_count="0"/>\n'
    lines = [f'<result row_count="{len(rows)}">']
    for number, row in enumerate(rows, 1):
        cells = (f"    <{name}>{escape(value)}</{name}>" for name, value in row.items())
        lines += [f'  <row row_id="{number}">', *cells, "  </row>"]
    return "\n".join([*lines, "</result>", ""])


SHOW_APIS: dict[str, Handler] = {"show": later(_show)}
"""The command of this module."""
