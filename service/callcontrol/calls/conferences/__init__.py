"""Conferences: found on their nodes, and commanded."""
