"""Which events came lately, so that those that come again can be left out."""


class RecentIds:
    """The newest ids that it was asked about: at least `limit` of them, at most twice as many."""

    def __init__(self, limit: int) -> None:
        """`limit` is at least 1; an id takes some 150 bytes."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        self._limit = limit
        self._newer: set[str] = set()
        self._older: set[str] = set()

    def is_new(self, event_id: str) -> bool:
        """Whether it was not seen lately; from now on it was. An event without an id is new."""
        if not event_id:
            return True
        if event_id in self._newer or event_id in self._older:
            return False
        if len(self._newer) >= self._limit:
            self._older, self._newer = self._newer, set()
        self._newer.add(event_id)
        return True

    def forget(self) -> None:
        """Take every id for new again."""
        self._newer, self._older = set(), set()
