"""Redis: what channels had, and who waits for what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from redis import Redis

from bot.ledger import Address, Digest, Wish
from bot.message import POST, Post
from bot.plan import Done, Facts, delivery_name, ledger_name
from bot.store import BRIEFLY, KEEP, Store


class Channels:
    """Deliveries, posts and wishes, on the same server as the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._redis: Redis = store.redis

    # -- how far a wish has come

    def facts(self, wish: Wish) -> Facts:
        """What has been left behind on the way to it."""
        listed = self.store.listed(wish.wanted)
        if listed is None:
            return Facts()
        return Facts(
            listed=listed,
            judged=self._done(f"pb:judged:{ledger_name(wish, listed)}"),
            delivered=self._done(f"pb:delivered:{delivery_name(wish, listed)}"),
        )

    def put_judged(self, name: str, digest: Digest) -> None:
        """Leave a decided day behind: the digest first, then the word that it is there."""
        self.store.put_digest(name, digest)
        done = Done(at=digest.judged_at, complete=digest.complete)
        self._redis.set(f"pb:judged:{name}", done.model_dump_json(), ex=KEEP)

    def put_delivered(self, address: Address, name: str, digest: Digest, at: datetime) -> None:
        """Leave a delivery behind, and what the channel has now had.

        Standard output is no channel: it remembers nothing, and what it was given goes soon.
        """
        passing = address.platform == "stdout"
        self.store.put_digest(f"delivered:{name}", digest, keep=BRIEFLY if passing else KEEP)
        if not passing and digest.decisions:
            self._redis.zadd(f"pb:deliveries:{address}", {name: at.timestamp()})
        if not passing and digest.picked:
            had: dict[Any, Any] = {decision.paper.id: _slot(digest) for decision in digest.picked}
            self._redis.hset(f"pb:had:{address}", mapping=had)
        done = Done(at=at, complete=digest.complete)
        self._redis.set(
            f"pb:delivered:{name}", done.model_dump_json(), ex=BRIEFLY if passing else KEEP
        )

    def deliveries(self, address: Address) -> list[Digest]:
        """What this channel has been given, the oldest first."""
        names: list[str] = self._redis.zrange(f"pb:deliveries:{address}", 0, -1)  # type: ignore[assignment]
        return [digest for name in names if (digest := self.delivered(name))]

    def delivered(self, name: str) -> Digest | None:
        return self.store.digest(f"delivered:{name}")

    def had_before(self, address: Address, digest: Digest) -> set[str]:
        """Ids of the papers this channel was given, other than by this profile for this day: a
        day judged anew, by another model say, does not repeat itself."""
        rows: dict[str, str] = self._redis.hgetall(f"pb:had:{address}")  # type: ignore[assignment]
        return {id for id, slot in rows.items() if slot != _slot(digest)}

    # -- the terminal's channel: its "service" is this server

    def put_posts(self, name: str, posts: list[Post]) -> None:
        """Show these, in order; the same again changes nothing."""
        key = f"pb:posts:{name}"
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(key)
            pipe.rpush(key, *[POST.dump_json(post).decode() for post in posts])
            pipe.expire(key, KEEP)
            pipe.execute()

    def posts(self, name: str) -> list[Post]:
        rows: list[str] = self._redis.lrange(f"pb:posts:{name}", 0, -1)  # type: ignore[assignment]
        return [POST.validate_json(row) for row in rows]

    # -- who waits

    def put_wish(self, wish: Wish) -> None:
        """A wish is kept until it is fulfilled, whatever is restarted in between."""
        self._redis.hset("pb:wishes", _wish_key(wish), wish.model_dump_json())

    def wishes(self) -> list[Wish]:
        rows: dict[str, str] = self._redis.hgetall("pb:wishes")  # type: ignore[assignment]
        return [Wish.model_validate_json(rows[key]) for key in sorted(rows)]

    def drop_wish(self, wish: Wish) -> None:
        self._redis.hdel("pb:wishes", _wish_key(wish))

    def _done(self, key: str) -> Done | None:
        value = self._redis.get(key)
        return None if value is None else Done.model_validate_json(str(value))


def _slot(digest: Digest) -> str:
    return f"{digest.profile.name} {digest.listed.batch}"


def _wish_key(wish: Wish) -> str:
    return f"{wish.address} {wish.profile} {wish.wanted.key}"
