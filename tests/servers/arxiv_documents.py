"""What arXiv serves, made of little: a feed of a day, and an answer of its API."""

from __future__ import annotations

from datetime import date, datetime
from email.utils import format_datetime
from html import escape

from bot.arxiv.calendar import NEW_YORK

WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = (date(2025, 3, day) for day in (19, 20, 21, 22))


def rss_feed(day: date, *papers: tuple[str, str, str], title: str = "updates") -> bytes:
    """A feed of (id, announce type, categories)."""
    midnight = format_datetime(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK))
    items = "".join(
        f"<item><title>On {id}</title><link>https://arxiv.org/abs/{id}</link>"
        f"<description>arXiv:{id}v1 Announce Type: {kind} \nAbstract: About {id}.</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{id}v1</guid>'
        + "".join(f"<category>{c}</category>" for c in categories.split())
        + f"<pubDate>{midnight}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        "<dc:creator>Ada Lovelace, Alan Turing</dc:creator></item>"
        for id, kind, categories in papers
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
        f"<title>{escape(title)}</title><link>http://rss.arxiv.org/</link>"
        f"<description>No such class.</description><pubDate>{midnight}</pubDate>"
        f"{items}</channel></rss>"
    ).encode()


def api_feed(*ids: str) -> bytes:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{id}v1</id><title>On {id}</title>"
        f"<summary>About {id}.</summary><author><name>Ada Lovelace</name></author>"
        '<arxiv:primary_category term="cs.LG"/><category term="cs.LG"/></entry>'
        for id in ids
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom"><title>ArXiv Query</title>'
        f"<opensearch:totalResults>{len(ids)}</opensearch:totalResults>{entries}</feed>"
    ).encode()


THURSDAY_FEED = rss_feed(
    THURSDAY,
    ("2503.00001", "new", "cs.LG"),
    ("2503.00002", "cross", "cs.CV cs.LG"),
    ("2401.00003", "replace", "cs.LG"),
)
