"""Calls that the dialplan hands to workers."""
