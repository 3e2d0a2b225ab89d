"""The variables that mod_sofia leaves on a channel, in the order in which it sets them."""

from callcontrol.simulator.causes import SIP_CODES, q850
from callcontrol.simulator.channel import Channel, Kind
from callcontrol.simulator.words import words

_AGENT = "FreeSWITCH-mod_sofia/1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit"
_ALLOW = (
    "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY, "
    "PUBLISH, SUBSCRIBE"
)
_SDP = (
    "v=0\r\no=FreeSWITCH 1 2 IN IP4 127.0.0.1\r\ns=FreeSWITCH\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101 13\r\na=rtpmap:0 PCMU/8000\r\n"
)
_CODEC = "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"

_SENT_INVITE = """originate_early_media=true
originate_endpoint=sofia
rtp_use_codec_string=PCMU,PCMA
local_media_ip=127.0.0.1
local_media_port={port}
advertised_media_ip=127.0.0.1
audio_media_flow=sendrecv
rtp_local_sdp_str={sdp}
sip_outgoing_contact_uri=<sip:mod_sofia@127.0.0.1:5060>
sip_req_uri={to}
sip_to_host={to_host}
sip_from_host=127.0.0.1
sofia_profile_name={profile}
recovery_profile_name={profile}
sofia_profile_url=sip:mod_sofia@127.0.0.1:5060"""

_ADDRESSES = """sip_local_network_addr=127.0.0.1
sip_reply_host=127.0.0.1
sip_reply_port=5060
sip_network_ip=127.0.0.1
sip_network_port=5060"""

_GOT_RESPONSE = (
    _ADDRESSES
    + """
sip_user_agent={agent}
sip_allow={allow}
sip_recover_contact=<sip:{to};transport=udp>
sip_full_via={via}
sip_recover_via={via}
sip_full_from=<sip:{from_}@127.0.0.1>;tag={from_tag}
sip_full_to=<sip:{to}>;tag={to_tag}
sip_from_user={from_}
sip_from_uri={from_}@127.0.0.1
sip_from_host=127.0.0.1
sip_to_user={to_user}
sip_to_port=5060
sip_to_uri={to}
sip_to_host={to_host}
sip_contact_params=transport=udp
sip_contact_user={to_user}
sip_contact_port=5060
sip_contact_uri={to}
sip_contact_host={to_host}
sip_to_tag={to_tag}
sip_from_tag={from_tag}
sip_cseq=1
sip_call_id={call_id}"""
)

_GOT_INVITE = """sip_from_user={from_}
sip_from_uri={from_}@127.0.0.1
sip_from_host=127.0.0.1
video_media_flow=disabled
text_media_flow=disabled
channel_name={name}
sip_call_id={call_id}
sip_local_network_addr=127.0.0.1
sip_network_ip=127.0.0.1
sip_network_port=5060
sip_invite_stamp={stamp}
sip_received_ip=127.0.0.1
sip_received_port=5060
sip_via_protocol=udp
sip_from_user_stripped={from_}
sip_from_tag={from_tag}
sofia_profile_name={profile}
sofia_profile_url=sip:mod_sofia@127.0.0.1:5060
recovery_profile_name={profile}
sip_Remote-Party-ID=<sip:{from_}@127.0.0.1>;party=calling;screen=yes;privacy=off
sip_cid_type=rpid
sip_full_via={via}
sip_full_from=<sip:{from_}@127.0.0.1>;tag={from_tag}
sip_full_to=<sip:{to}>
sip_allow={allow}
sip_req_user={to_user}
sip_req_port=5060
sip_req_uri={to}
sip_req_host=127.0.0.1
sip_to_user={to_user}
sip_to_port=5060
sip_to_uri={to}
sip_to_host=127.0.0.1
sip_contact_user=mod_sofia
sip_contact_port=5060
sip_contact_uri=mod_sofia@127.0.0.1:5060
sip_contact_host=127.0.0.1
sip_user_agent={agent}
sip_via_host=127.0.0.1
sip_via_rport=5060
max_forwards=70
presence_id={from_}@127.0.0.1"""

_NEGOTIATED = """switch_r_sdp={sdp}
ep_codec_string={codec}
rtp_use_codec_string=PCMU,PCMA
remote_video_media_flow=inactive
remote_text_media_flow=inactive
remote_audio_media_flow=sendrecv"""

_CODEC_CHOSEN = """rtp_audio_recv_pt=0
rtp_use_codec_name=PCMU
rtp_use_codec_rate=8000
rtp_use_codec_ptime=20
rtp_use_codec_channels=1
rtp_last_audio_codec_string=PCMU@8000h@20i@1c
read_codec=PCMU
original_read_codec=PCMU
read_rate=8000
original_read_rate=8000
write_codec=PCMU
write_rate=8000
dtmf_type=rfc2833"""

_MEDIA_IS_UP = """local_media_ip=127.0.0.1
local_media_port={port}
advertised_media_ip=127.0.0.1
rtp_use_timer_name=soft
rtp_use_pt=0
rtp_use_ssrc={port}
rtp_2833_send_payload=101
rtp_2833_recv_payload=101
remote_media_ip=127.0.0.1
remote_media_port={remote_port}"""

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
        "agent": _AGENT,
        "allow": _ALLOW,
        "codec": _CODEC,
        "call_id": f"sim-{channel.call_id}",
        "from_": profile.orig_caller_id_number or profile.caller_id_number,
        "from_tag": f"f{short}",
        "name": channel.name,
        "port": str(port),
        "profile": channel.name.split("/")[1] if "/" in channel.name else "internal",
        "remote_port": str(port + 2),
        "sdp": _SDP.format(port=port),
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
    _fill(channel, _SENT_INVITE)


def set_on_response(channel: Channel) -> None:
    """A 180, 183 or 200 came."""
    _fill(channel, _GOT_RESPONSE)


def set_on_early_answer(channel: Channel) -> None:
    """A 183 came with the far end's SDP."""
    _fill(channel, "switch_r_sdp={sdp}\nep_codec_string={codec}")


def set_on_media(channel: Channel) -> None:
    """The far end's SDP came, with 183 or 200; or we sent ours."""
    if channel.kind is Kind.SOFIA_OUTBOUND:
        _fill(channel, _NEGOTIATED + "\n" + _CODEC_CHOSEN)
    else:
        _fill(channel, "rtp_local_sdp_str={sdp}")
    _fill(channel, _MEDIA_IS_UP)


def set_on_invite_received(channel: Channel) -> None:
    """An INVITE came in."""
    offered = _NEGOTIATED.replace("{codec}", "{codec},CORE_PCM_MODULE.PCMA@8000h@20i@64000b")
    _fill(channel, _GOT_INVITE + "\n" + offered + "\naudio_media_flow=sendrecv\n" + _CODEC_CHOSEN)
    channel.set("endpoint_disposition", "RECEIVED")


def set_on_refusal(channel: Channel, cause: str) -> None:
    """A final response above 299 came."""
    code = SIP_CODES.get(cause, "480")
    _fill(channel, "sip_call_id={call_id}\n" + _ADDRESSES)
    channel.set("sip_hangup_disposition", "recv_refuse")
    channel.set("sip_invite_failure_status", code)
    channel.set("sip_invite_failure_phrase", cause.replace("_", " ").title())
    _set_term(channel, code, cause)


def set_on_bye(channel: Channel, cause: str) -> None:
    """The far end hung up a call that was answered."""
    _fill(
        channel, "sip_to_tag={to_tag}\nsip_from_tag={from_tag}\nsip_cseq=2\nsip_call_id={call_id}"
    )
    _set_term(channel, "200", cause)
    channel.set("sip_user_agent", _AGENT)
    channel.set("sip_hangup_disposition", "recv_bye")


def _set_term(channel: Channel, code: str, cause: str) -> None:
    channel.set("sip_term_status", code)
    channel.set("proto_specific_hangup_cause", f"sip:{code}")
    channel.set("sip_term_cause", str(q850(cause)))


def set_at_end(channel: Channel) -> None:
    """The SIP call is over: who ended it, and what the media did."""
    if not channel.get("sip_hangup_disposition"):
        channel.set("sip_hangup_disposition", "send_bye" if channel.is_answered else "send_cancel")
    if not channel.has_media:
        return
    for name in _STATISTICS:
        channel.set(f"rtp_audio_{name}", _QUALITY.get(name, "0"))
