"""New calls: where they go, how they are dialled, followed and found again."""
