"""Numbering, filters, history, cursors: what happened, and who is told. Knows no wire."""
