"""The event socket as bytes and values: framing, commands, replies, events. Without I/O."""
