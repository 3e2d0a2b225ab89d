"""The picture of every call: what events and the switch's answers say of it, and who waits."""
