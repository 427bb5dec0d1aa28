"""What is published, in a real browser, from a host that only serves files."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from bot.pages.site import Section, files
from tests.factories import DAY, NOW, digest, list_result, model_day
from tests.pictures import chromium
from tests.servers.fake_http import HttpReply, run_fake_server

pytestmark = pytest.mark.skipif(not chromium.is_here(), reason="there is no Chromium here")

PAGES = ("index.html", "matters/index.html", f"matters/{DAY}.html")
# Looks at each page at a phone's width, follows its links on this host, and opens what is folded.
LOOK = """<!doctype html><meta charset="utf-8"><body><script>
const seen = {}
async function look(path) {
  const frame = document.createElement("iframe")
  frame.width = 360
  frame.src = path
  document.body.append(frame)
  await new Promise(done => frame.addEventListener("load", done))
  const page = frame.contentDocument
  page.querySelectorAll("details").forEach(each => each.open = true)
  const links = [...page.querySelectorAll("a, link")].map(each => each.href)
  const own = [...new Set(links)].filter(each => each.startsWith(location.origin))
  const status = await Promise.all(own.map(async each => [each, (await fetch(each)).status]))
  seen[path] = {
    width: page.documentElement.scrollWidth,
    margin: frame.contentWindow.getComputedStyle(page.body).marginTop,
    scheme: frame.contentWindow.getComputedStyle(page.documentElement).colorScheme,
    scripts: page.scripts.length,
    text: page.body.innerText,
    broken: status.filter(([each, number]) => number !== 200),
    links: own.length,
  }
}
PAGES.reduce((last, path) => last.then(() => look(path)), Promise.resolve())
  .then(() => document.title = encodeURIComponent(JSON.stringify(seen)))
</script>"""


TYPES = {"html": "text/html", "css": "text/css", "xml": "application/xml"}


def test_a_browser_shows_the_pages_on_a_phone_and_finds_every_file_they_name() -> None:
    """From a host that only has files, in a folder of it."""
    other = list_result(NOW).model_copy(update={"date": DAY.replace(day=3)})
    long = "A_title_without_any_place_to_break_it_" * 4
    section = Section("matters", long, {d.date: d for d in (model_day(), digest(listed=other))}, ())
    site = {f"/some/where/{path}": text for path, text in files([section]).items()}
    site["/some/where/look.html"] = LOOK.replace("PAGES", json.dumps(PAGES))

    def host(path: str, body: bytes) -> HttpReply:
        kind = TYPES.get(path.rpartition(".")[2], "application/octet-stream")
        text = site.get(path)
        return (404 if text is None else 200), {"Content-Type": kind}, (text or "").encode()

    with run_fake_server(host) as server:
        title = chromium.title_of(f"{server.url}/some/where/look.html")
    seen = json.loads(unquote(title))
    assert list(seen) == list(PAGES)
    for page in seen.values():
        assert page["width"] <= 360
        assert page["margin"] == "0px"  # its style sheet was let in
        assert page["scheme"] == "light dark"
        assert (page["scripts"], page["broken"]) == (0, [])
        assert page["links"] > 0
    assert "Thursday 20 March 2025" in seen[PAGES[1]]["text"]
    assert "Abstract" in seen[PAGES[2]]["text"]
