"""The variables of mod_sofia as templates: `name=text` lines in the order in which they are set."""

AGENT = "FreeSWITCH-mod_sofia/1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit"
ALLOW = (
    "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY, "
    "PUBLISH, SUBSCRIBE"
)
SDP = (
    "v=0\r\no=FreeSWITCH 1 2 IN IP4 127.0.0.1\r\ns=FreeSWITCH\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101 13\r\na=rtpmap:0 PCMU/8000\r\n"
)
CODEC = "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"

SENT_INVITE = """originate_early_media=true
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

ADDRESSES = """sip_local_network_addr=127.0.0.1
sip_reply_host=127.0.0.1
sip_reply_port=5060
sip_network_ip=127.0.0.1
sip_network_port=5060"""

GOT_RESPONSE = (
    ADDRESSES
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

GOT_INVITE = """sip_from_user={from_}
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

NEGOTIATED = """switch_r_sdp={sdp}
ep_codec_string={codec}
rtp_use_codec_string=PCMU,PCMA
remote_video_media_flow=inactive
remote_text_media_flow=inactive
remote_audio_media_flow=sendrecv"""

CODEC_CHOSEN = """rtp_audio_recv_pt=0
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

MEDIA_IS_UP = """local_media_ip=127.0.0.1
local_media_port={port}
advertised_media_ip=127.0.0.1
rtp_use_timer_name=soft
rtp_use_pt=0
rtp_use_ssrc={port}
rtp_2833_send_payload=101
rtp_2833_recv_payload=101
remote_media_ip=127.0.0.1
remote_media_port={remote_port}"""
