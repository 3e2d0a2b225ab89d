"""The variables that mod_sofia leaves on a channel, in the order in which it sets them."""

from callcontrol.simulator.causes import SIP_CODES, q850
from callcontrol.simulator.channel import Channel, Kind
from callcontrol.simulator.sip_variables import (
    ADDRESSES,
    AGENT,
    ALLOW,
    CODEC,
    CODEC_CHOSEN,
    GOT_INVITE,
    GOT_RESPONSE,
    MEDIA_IS_UP,
    NEGOTIATED,
    SDP,
    SENT_INVITE,
)
from callcontrol.simulator.words import words

_STATISTICS = words("""in_raw_bytes in_media_bytes in_packet_count in_media_packet_count
in_skip_packet_count in_jitter_packet_count in_dtmf_packet_count in_cng_packet_count
in_flush_packet_count in_largest_jb_size in_jitter_min_variance in_jitter_max_variance
in_jitter_loss_rate in_jitter_burst_rate in_mean_interval in_flaw_total in_quality_percentage
in_mos out_raw_bytes out_media_bytes out_packet_count out_media_packet_count out_skip_packet_count
out_dtmf_packet_count out_cng_packet_count rtcp_packet_count rtcp_octet_count""")

_QUALITY = {
    "in_jitter_min_variance": "0.00",
    "in_jitter_max_variance": "0.00",
    "in_jitter_loss_rate": "0.00",
    "in_jitter_burst_rate": "0.00",
    "in_mean_interval": "0.00",
    "in_quality_percentage": "100.00",
    "in_mos": "4.50",
}


def _facts(channel: Channel) -> dict[str, str]:
    """What the templates are filled with, from the channel's own state."""
    profile, short = channel.profile, channel.call_id.replace("-", "")[:13]
    port = 16384 + int.from_bytes(channel.call_id.encode()[-2:]) % 8000 * 2
    address = channel.name.rpartition("/")[2]
    to = (
        address
        if channel.kind is Kind.SOFIA_OUTBOUND
        else f"{profile.destination_number}@127.0.0.1:5060"
    )
    return {
        "agent": AGENT,
        "allow": ALLOW,
        "codec": CODEC,
        "call_id": f"sim-{channel.call_id}",
        "from_": profile.orig_caller_id_number or profile.caller_id_number,
        "from_tag": f"f{short}",
        "name": channel.name,
        "port": str(port),
        "profile": channel.name.split("/")[1] if "/" in channel.name else "internal",
        "remote_port": str(port + 2),
        "sdp": SDP.format(port=port),
        "stamp": str(channel.times.created),
        "to": to,
        "to_host": to.partition("@")[2] or "127.0.0.1",
        "to_tag": f"t{short}",
        "to_user": to.partition("@")[0],
        "via": f"SIP/2.0/UDP 127.0.0.1;rport=5060;branch=z9hG4bK{short}",
    }


def _fill(channel: Channel, template: str) -> None:
    facts = _facts(channel)
    for line in template.split("\n"):
        name, _, text = line.partition("=")
        channel.set(name, text.format_map(facts))


def set_destination(channel: Channel) -> None:
    """The leg is made; what originate orders for it comes behind this."""
    _fill(channel, "sip_destination_url=sip:{to}")


def set_on_invite_sent(channel: Channel) -> None:
    """Our INVITE went out."""
    _fill(channel, SENT_INVITE)


def set_on_response(channel: Channel) -> None:
    """A 180, 183 or 200 came."""
    _fill(channel, GOT_RESPONSE)


def set_on_early_answer(channel: Channel) -> None:
    """A 183 came with the far end's SDP."""
    _fill(channel, "switch_r_sdp={sdp}\nep_codec_string={codec}")


def set_on_media(channel: Channel) -> None:
    """The far end's SDP came, with 183 or 200; or we sent ours."""
    if channel.kind is Kind.SOFIA_OUTBOUND:
        _fill(channel, NEGOTIATED + "\n" + CODEC_CHOSEN)
    else:
        _fill(channel, "rtp_local_sdp_str={sdp}")
    _fill(channel, MEDIA_IS_UP)


def set_on_invite_received(channel: Channel) -> None:
    """An INVITE came in."""
    offered = NEGOTIATED.replace("{codec}", "{codec},CORE_PCM_MODULE.PCMA@8000h@20i@64000b")
    _fill(channel, GOT_INVITE + "\n" + offered + "\naudio_media_flow=sendrecv\n" + CODEC_CHOSEN)
    channel.set("endpoint_disposition", "RECEIVED")


def set_on_refusal(channel: Channel, cause: str) -> None:
    """A final response above 299 came."""
    code = SIP_CODES.get(cause, "480")
    _fill(channel, "sip_call_id={call_id}\n" + ADDRESSES)
    channel.set("sip_hangup_disposition", "recv_refuse")
    channel.set("sip_invite_failure_status", code)
    channel.set("sip_invite_failure_phrase", _PHRASES.get(code, "Temporarily Unavailable"))
    _set_term(channel, code, cause)


def set_on_bye(channel: Channel, cause: str) -> None:
    """The far end hung up a call that was answered."""
    _fill(
        channel, "sip_to_tag={to_tag}\nsip_from_tag={from_tag}\nsip_cseq=2\nsip_call_id={call_id}"
    )
    _set_term(channel, "200", cause)
    channel.set("sip_user_agent", AGENT)
    channel.set("sip_hangup_disposition", "recv_bye")


def _set_term(channel: Channel, code: str, cause: str) -> None:
    channel.set("sip_term_status", code)
    channel.set("proto_specific_hangup_cause", f"sip:{code}")
    channel.set("sip_term_cause", str(q850(cause)))


def _set_our_end(channel: Channel) -> None:
    if channel.is_answered:
        channel.set("sip_hangup_disposition", "send_bye")
    elif channel.kind is Kind.SOFIA_INBOUND:
        channel.set("sip_hangup_disposition", "send_refuse")
    else:
        channel.set("sip_hangup_disposition", "send_cancel")
        channel.set("sip_invite_failure_status", "487")
        channel.set("sip_invite_failure_phrase", "CANCEL")


_PHRASES = {"486": "Busy Here", "404": "Not Found", "603": "Decline", "503": "Service Unavailable"}


def set_at_end(channel: Channel) -> None:
    """The SIP call is over: who ended it, and what the media did."""
    if not channel.get("sip_hangup_disposition"):
        _set_our_end(channel)
    if not channel.has_media:
        return
    for name in _STATISTICS:
        channel.set(f"rtp_audio_{name}", _QUALITY.get(name, "0"))
