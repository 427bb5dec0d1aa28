"""Redis: what the terminal's channel shows; its "service" is this server."""

from __future__ import annotations

from bot.domain.message import POST, Post
from bot.store.days import KEEP, Store
from bot.store.forms import marked, of_either

_READ = of_either(POST, "Post")


class Shown:
    """The posts of each delivery, by its name."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def put_posts(self, name: str, posts: list[Post]) -> None:
        """Show these, in order; the same again changes nothing."""
        key = f"pb:posts:{name}"
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(key)
            pipe.rpush(key, *[marked(POST.dump_json(post).decode()) for post in posts])
            pipe.expire(key, KEEP)
            pipe.execute()

    def posts(self, name: str) -> list[Post]:
        rows: list[str] = self._redis.lrange(f"pb:posts:{name}", 0, -1)  # type: ignore[assignment]
        return [_READ(row) for row in rows]
