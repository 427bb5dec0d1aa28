"""What people type to subscribe, and the one sentence they get when it cannot be meant."""

from __future__ import annotations

import random
import re
from datetime import time
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.text import quoted
from bot.commands.typed.parse import (
    Options,
    parse_options,
    parse_time,
    parse_top,
    parse_weekdays,
    parse_zone,
)
from bot.domain.schedule import search_zones
from bot.errors import Refused

quick = settings(max_examples=200)

WEEK, WORK = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4)


def refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        parse_options(text.split())
    return str(refused.value)


# -- the whole


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Options()),
        ("ml", Options(profile="ml")),
        (
            "ml-theory at 09:00 tz Europe/Berlin days mon-fri top 10",
            Options(profile="ml-theory", at=time(9), tz="Europe/Berlin", days=WORK, top=10),
        ),
        (
            "TOP 3 DAYS Sat-Mon ML-Theory TZ utc AT 19:30",
            Options(profile="ML-Theory", at=time(19, 30), tz="UTC", days=(0, 5, 6), top=3),
        ),
        ("ml at 9 am", Options(profile="ml", at=time(9))),
        ("ml at 9 P.M., top10", Options(profile="ml", at=time(21), top=10)),
        ("ml at:9 tz=berlin", Options(profile="ml", at=time(9), tz="Europe/Berlin")),
        ("ml tz new york days mon", Options(profile="ml", tz="America/New_York", days=(0,))),
        ("ml days mon, wed and fri at 9", Options(profile="ml", days=(0, 2, 4), at=time(9))),
        ("ml on mondays", Options(profile="ml", days=(0,))),
        ("ml on mondays and every friday", Options(profile="ml", days=(0, 4))),
        ("ml every day at noon", Options(profile="ml", days=WEEK, at=time(12))),
        ("ml at 9 and on weekdays", Options(profile="ml", days=WORK, at=time(9))),
        ("ml days every weekday", Options(profile="ml", days=WORK)),
        ("ml top 10 papers", Options(profile="ml", top=10)),
        ("ml [at 09:00] [top 5]", Options(profile="ml", at=time(9), top=5)),
        ("“ml” at “9:00”", Options(profile="ml", at=time(9))),
        ("tz sydney ml", Options(profile="ml", tz="Australia/Sydney")),
        # Names of profiles that look like something else are names where only a name can stand.
        ("sat", Options(profile="sat")),
        ("top10 at 9", Options(profile="top10", at=time(9))),
    ],
)
def test_a_subscription_is_read_as_it_was_meant(text: str, meant: Options) -> None:
    assert parse_options(text.split()) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("att 9", '"att" is not understood here; did you mean "at"?'),
        ("ml att 9", '"att" is not understood here; did you mean "at"?'),
        ("ml tpo 10", '"tpo" is not understood here; did you mean "top"?'),
        ("ml days mon fridya", '"fridya" is not understood here; did you mean "friday"?'),
        ("ml at", '"at" needs a value, for example: at 09:00.'),
        ("ml tz top 5", '"tz" needs a value, for example: tz Europe/Berlin.'),
        ("ml on", '"on" needs a value, for example: days mon-fri.'),
        ("ml at 9 at 10", "Say at only once, as in at 09:00."),
        ("ml days mon top 3 every fri", "Say days only once, as in days mon-fri."),
        ("ml at 25:00", '"25:00" is not a time: a day runs from 00:00 to 23:59.'),
        ("ml at 13 pm", '"13pm" is not a time: before am or pm, the hour is 1 to 12.'),
        ("ml at nine", '"nine" is not a time of day; write it like 09:00, 9 am or noon.'),
        ("ml top 500", '"500" is not a number of papers from 1 to 100; write it like 10.'),
        (
            "ml tz berln",
            '"berln" is not a time zone; did you mean Europe/Berlin?',
        ),
        ("ml tz PST", '"PST" is an abbreviation, not a place; did you mean America/Los_Angeles?'),
        ("ml 9:00", '"9:00" needs a word before it: write "at 9:00".'),
        ("ml 10", '"10" needs a word before it: write "at 10" or "top 10".'),
        ("ml at 9 CET", '"CET" needs a word before it: write "tz CET".'),
        ("daily ml", '"daily" needs a word before it: write "days daily".'),
        ("at 9 mon", '"mon" needs a word before it: write "days mon".'),
        (
            "ml q-bio",
            'After the profile "ml" comes at 09:00, tz Europe/Berlin, days mon-fri or top 10, '
            'not "q-bio".',
        ),
    ],
)
def test_text_that_cannot_be_parsed_gets_a_sentence(text: str, says: str) -> None:
    assert refusal(text) == says


profiles = st.text("abdeilmoprstyz019-", min_size=1, max_size=40).filter(
    lambda name: (
        name[0] != "-"
        and name not in {"at", "tz", "zone", "timezone", "days", "top", "on", "every"}
    )
)


@st.composite
def written(draw: st.DrawFn) -> tuple[list[str], Options]:
    """Options, and the same in the grammar."""
    given = Options(
        profile=draw(profiles),
        at=draw(st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59))),
        tz=draw(st.none() | st.sampled_from(search_zones("/", 500))),
        days=draw(
            st.none() | st.sets(st.integers(0, 6), min_size=1).map(lambda d: tuple(sorted(d)))
        ),
        top=draw(st.none() | st.integers(1, 100)),
    )
    names = "mon tue wed thu fri sat sun".split()  # noqa: SIM905
    parts = []
    if given.at is not None:
        parts.append(["at", f"{given.at:%H:%M}"])
    if given.tz is not None:
        parts.append(["tz", given.tz])
    if given.days is not None:
        parts.append(["days", ",".join(names[day] for day in given.days)])
    if given.top is not None:
        parts.append(["top", str(given.top)])
    parts = draw(st.permutations(parts))
    case = draw(st.sampled_from([str.lower, str.upper, str.title]))
    return [given.profile, *(case(word) for part in parts for word in part)], given


@quick
@given(written())
def test_what_the_grammar_can_say_is_read_back(found: tuple[list[str], Options]) -> None:
    words, meant = found
    assert parse_options(words) == meant


PIECES = (
    "ml att at 9 am pm 09:00 25:00 tz zone berlin new york mars UTC+1 days mon - fri mon-fri on "
    "every day weekend and top 10 top10 0 -1 , ; at: = [ \u202e \ud800 \x00 ٣ ² İ ß"
)
pieces = st.sampled_from(PIECES.split())


@quick
@given(st.lists(pieces | st.text()))
def test_any_words_are_options_or_one_line_of_refusal(words: list[str]) -> None:
    try:
        read = parse_options(words)
    except Refused as refused:
        said = str(refused)
        assert said.isprintable()
        assert len(said) < 350
        assert said.endswith((".", "?"))
    else:
        assert read.tz is None or ZoneInfo(read.tz)


# -- the values


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *[(text, "09:00") for text in ("09:00", "9:00", "9", "9am", "9 am", " 0900 ", "9 A.M.")],
        ("9.30", "09:30"),
        ("7:30pm", "19:30"),
        ("12am", "00:00"),
        ("12 pm", "12:00"),
        ("12:30 am", "00:30"),
        ("noon", "12:00"),
        ("Midnight", "00:00"),
        ("2359", "23:59"),
        ("0", "00:00"),
    ],
)
def test_a_time_is_read_in_every_usual_spelling(text: str, meant: str) -> None:
    assert parse_time(text) == time.fromisoformat(meant)


@pytest.mark.parametrize(
    "text",
    ["", "24:00", "9:60", "0am", "13pm", "9:5", "090", "-9", "9:00:00", "٩", "９", "9 or 10"],
)
def test_what_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"^.+\.$"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *[(text, WORK) for text in ("mon-fri", "Mon – Fri", "monday to friday", "weekdays", "m-f")],
        *[(text, WEEK) for text in ("daily", "every day", "Mon-Sun", "weekdays and weekends")],
        ("fri-mon", (0, 4, 5, 6)),
        ("mon,wed,fri", (0, 2, 4)),
        ("Mon, Wed & Fri", (0, 2, 4)),
        ("fri mon fri", (0, 4)),
        ("weekends", (5, 6)),
        ("tues-thurs, sundays", (1, 2, 3, 6)),
        ("mon-mon", (0,)),
    ],
)
def test_days_are_read_in_every_usual_spelling(text: str, meant: tuple[int, ...]) -> None:
    assert parse_weekdays(text) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The days are missing; write them like mon-fri or mon,wed,fri."),
        ("wensday", '"wensday" is not a day; did you mean "wednesday"?'),
        ("t", '"t" is not a day; write days like mon-fri or mon,wed,fri.'),
        ("mon-", '"mon-" is not a day; write days like mon-fri or mon,wed,fri.'),
        ("1-5", '"1-5" is not a day'),
    ],
)
def test_a_word_that_is_no_day_is_named(text: str, says: str) -> None:
    with pytest.raises(
        Refused, match=re.escape(says) if says.endswith(("?", ".")) else "not a day"
    ):
        parse_weekdays(text)


def test_a_number_of_papers_is_from_1_to_100() -> None:
    assert [parse_top(text) for text in ("1", " 10 ", "top 10", "100", "007")] == [
        1,
        10,
        10,
        100,
        7,
    ]
    for text in ("", "0", "101", "-1", "1.5", "ten", "٣", "9" * 5000):
        with pytest.raises(Refused, match="from 1 to 100; write it like 10"):
            parse_top(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("BERLIN", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America / New_York", "America/New_York"),
        ("argentina/buenos aires", "America/Argentina/Buenos_Aires"),
        ("buenos aires", "America/Argentina/Buenos_Aires"),
        ("Zürich", "Europe/Zurich"),
        ("são paulo", "America/Sao_Paulo"),
        ("port au prince", "America/Port-au-Prince"),
        ("sydney", "Australia/Sydney"),
        ("singapore", "Asia/Singapore"),
        ("calcutta", "Asia/Calcutta"),
        ("cet", "CET"),
        ("Beijing", "Asia/Shanghai"),
        ("Mumbai", "Asia/Kolkata"),
        ("bangalore", "Asia/Kolkata"),
        ("san francisco", "America/Los_Angeles"),
        ("NYC", "America/New_York"),
        ("oxford", "Europe/London"),
        ("Göttingen", "Europe/Berlin"),
        ("India", "Asia/Kolkata"),
        ("germany", "Europe/Berlin"),
        ("UK", "Europe/London"),
        ("South Korea", "Asia/Seoul"),
        ("Utc", "UTC"),
        ("etc/gmt-5", "Etc/GMT-5"),
        ("us eastern", "US/Eastern"),
    ],
)
def test_a_zone_is_found_by_name_or_city(text: str, meant: str) -> None:
    assert parse_zone(text) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The time zone is missing; write it like Europe/Berlin or UTC."),
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("san", "did you mean America/Argentina/San_Juan, America/"),
        ("samoa", "did you mean Pacific/Pago_Pago or Pacific/Apia?"),  # a day apart
        (
            "EST",
            "is an abbreviation, not a place; did you mean America/New_York or America/Panama?",
        ),
        ("mst", "is an abbreviation, not a place; did you mean America/Denver or America/Phoenix?"),
        ("HST", "did you mean Pacific/Honolulu?"),
        ("EST5EDT", "did you mean America/New_York?"),
        ("GMT", "did you mean Europe/London or UTC?"),
        ("IST", "did you mean Asia/Kolkata, Europe/Dublin or Asia/Jerusalem?"),
        ("usa", '"usa" may be in several time zones; did you mean America/'),
        ("China", "did you mean Asia/Shanghai or Asia/Urumqi?"),
        ("cambridge", "did you mean America/New_York or Europe/London?"),
        ("indai", "did you mean Asia/Kolkata"),
        ("Princeton", "write the name of a large city in it, as in Europe/Berlin."),
        ("davis", "did you mean Antarctica/Davis?"),  # or California?
        ("west", "did you mean "),
        ("EDT", "did you mean America/New_York?"),
        ("UTC+1", '"UTC+1" is an offset from UTC'),
        ("-05:00", '"-05:00" is an offset from UTC'),
        ("localtime", '"localtime" is not a time zone'),
        ("qqqq", "write the name of a large city in it, as in Europe/Berlin."),
    ],
)
def test_a_zone_that_may_be_another_or_none_is_asked_for(text: str, says: str) -> None:
    with pytest.raises(Refused, match=re.escape(says)):
        parse_zone(text)


def test_every_zone_that_is_offered_is_understood_as_itself_or_its_place() -> None:
    same_place = {"Singapore", "Jamaica", "Kwajalein"}
    offered = search_zones("", 1000)
    assert {name for name in offered if parse_zone(name) != name} == same_place
    assert set(offered) <= available_timezones()


# -- completing a zone


def test_a_zone_is_completed_where_a_word_begins_first() -> None:
    assert search_zones("berl") == ["Europe/Berlin"]
    assert search_zones("YORK") == ["Europe/London", "America/New_York"]
    assert search_zones("new y") == ["America/New_York"]
    assert search_zones("utc") == ["UTC"]
    assert search_zones("europe/")[:2] == ["Europe/Berlin", "Europe/Helsinki"]
    assert search_zones("beij") == search_zones("beijing") == ["Asia/Shanghai"]
    assert search_zones("san franc")[0] == "America/Los_Angeles"
    assert search_zones("india")[0] == "Asia/Kolkata"
    assert search_zones("germany") == ["Europe/Berlin"]
    found = search_zones("is")
    assert found.index("Asia/Istanbul") < found.index("Europe/Paris")


def test_no_text_offers_clocks_many_live_by_then_places_then_old_names() -> None:
    found = search_zones("", 1000)
    assert {"Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"} <= set(found[:20])
    assert found.index("Asia/Kathmandu") < found.index("Asia/Katmandu")
    assert found.index("Pacific/Wallis") < found.index("CET")
    assert not [name for name in found if name.startswith(("Etc/", "posix/", "right/", "SystemV/"))]
    assert len(search_zones("")) == 100
    assert search_zones("", 25) == found[:25]
    assert search_zones("", 0) == search_zones("", -1) == []


@quick
@given(st.text())
def test_completing_never_fails(text: str) -> None:
    assert set(search_zones(text)) <= available_timezones()


# -- what is hostile


def test_other_peoples_text_is_quoted_in_one_short_printable_line() -> None:
    assert quoted("a\n b\u202e\x00") == '"a b??"'
    assert quoted("x" * 100) == f'"{"x" * 39}…"'


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "x ",
        "9",
        "at 9" + "0",
        "tz a/",
        "days mon-",
        "days mon,",
        "\u0301",
        "ﷺ",
        "[",
        "  ",
        "-",
    ],
)
def test_long_words_are_refused_at_once(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))  # a second look at each character would take hours
    for read in (
        lambda t: parse_options(["ml", t, "x"]),
        parse_time,
        parse_zone,
        parse_weekdays,
        parse_top,
    ):
        with pytest.raises(Refused) as refused:
            read(text)
        assert len(str(refused.value)) < 350
    search_zones(text)


def test_the_order_of_keywords_does_not_matter() -> None:
    parts, rng = ["at 9", "tz berlin", "days mon", "top 5"], random.Random(7)
    read = set()
    for _ in range(10):
        rng.shuffle(parts)
        read.add(parse_options(["ml", *" ".join(parts).split()]))
    assert len(read) == 1
