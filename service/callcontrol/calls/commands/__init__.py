"""Commands on calls: how one is sent and proven, the table of them, and those that move a call."""
