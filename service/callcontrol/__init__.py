"""Telephone calls on FreeSWITCH, over gRPC."""
