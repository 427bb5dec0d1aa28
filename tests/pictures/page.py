"""Messages of Slack or Discord as a page of HTML, about as the chats show them; pure.

A rendering of our own: its heights compare with each other, they are not the chats' own. What it
does not know raises KeyError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

Json = Mapping[str, Any]

_NAME: Final = (
    '<div><b>Paperboy</b> <span class="app">APP</span> <span class="small">9:00</span></div>'
)
_COMMON: Final = """
body { margin: 0 }
.message { display: flex; gap: 10px; padding: 8px 16px }
.face { flex: none; width: 36px; height: 36px; border-radius: 8px; background: #8c1d18;
  color: white; font-weight: 900; line-height: 36px; text-align: center }
.face:empty { background: none; height: 0 }
.said { flex: 1; min-width: 0; overflow-wrap: anywhere }
.app { font-size: 10px; padding: 1px 4px; border-radius: 3px }
.button { display: inline-block; margin: 0 8px 4px 0; padding: 0 12px; font-size: 13px }
ol, ul { margin: 0; padding-left: 24px }
"""
_CSS: Final = {
    "slack": """
body { background: white; color: #1d1c1d; font: 15px/1.46 Lato, "Noto Sans", sans-serif }
.block { margin: 4px 0 8px } .rich { white-space: pre-wrap }
.small { color: #616061; font-size: 13px; line-height: 1.38; white-space: pre-wrap }
.app { background: #e8e8e8 } a { color: #1264a3 } li { white-space: pre-wrap }
.button { border: 1px solid #bbb; border-radius: 8px; height: 28px; line-height: 28px;
  font-weight: 900 }
""",
    "discord": """
body { background: #313338; color: #dbdee1; font: 16px/1.375 "gg sans", "Noto Sans", sans-serif }
.small { color: #949ba4; font-size: 13px } .app { background: #5865f2; color: white }
.heading { color: #f2f3f5; font-weight: 700; margin: 8px 0 4px } a { color: #00a8fc }
.row { margin-top: 6px } .item { padding-left: 24px; text-indent: -24px } .more { text-indent: 0 }
.button { background: #4e5058; border-radius: 4px; height: 32px; line-height: 32px }
""",
}


def page(chat: str, groups: Sequence[Sequence[Json]], width: int) -> str:
    """A document of so many pixels in width. As in the chats, only the first message of a group
    says who wrote it: the parent in its channel, a thread's first reply."""
    said = {"slack": _slack, "discord": _discord}[chat]
    rows = [
        f'<div class="message"><div class="face">{"" if n else "P"}</div><div class="said">'
        f"{'' if n else _NAME}{said(message)}</div></div>"
        for group in groups
        for n, message in enumerate(group)
    ]
    style = f"<style>{_COMMON}{_CSS[chat]}body {{ width: {width}px }}</style>"
    head = f'<!doctype html><html><meta charset="utf-8">{style}'
    return f"{head}<body>{''.join(rows)}</body></html>\n"


def _slack(message: Json) -> str:
    return "".join(_BLOCKS[block["type"]](block) for block in message["blocks"])


def _slack_text(element: Json) -> str:
    text = escape(element["text"])
    if element["type"] == "link":
        text = f"<a>{text}</a>"
    return f"<b>{text}</b>" if element.get("style", {}).get("bold") else text


def _rich(block: Json) -> str:
    parts = {"rich_text_section": _section, "rich_text_list": _list}
    return f'<div class="block">{"".join(parts[e["type"]](e) for e in block["elements"])}</div>'


def _section(element: Json) -> str:
    return f'<div class="rich">{"".join(map(_slack_text, element["elements"]))}</div>'


def _list(element: Json) -> str:
    items = ("".join(map(_slack_text, item["elements"])) for item in element["elements"])
    tag = {"ordered": "ol", "bullet": "ul"}[element["style"]]
    return f"<{tag}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>"


def _context(block: Json) -> str:
    return (
        f'<div class="block small">{" ".join(escape(e["text"]) for e in block["elements"])}</div>'
    )


def _actions(block: Json) -> str:
    labels = {"button": lambda e: e["text"]["text"], "overflow": lambda _: "⋯"}
    return f'<div class="block">{_buttons(labels[e["type"]](e) for e in block["elements"])}</div>'


_BLOCKS: Final[Mapping[str, Callable[[Json], str]]] = {
    "rich_text": _rich,
    "context": _context,
    "actions": _actions,
}


def _discord(message: Json) -> str:
    parts = "".join(_COMPONENTS[c["type"]](c) for c in message.get("components", ()))
    return _markdown(message.get("content") or "") + parts


def _markdown(text: str) -> str:
    """The signs that Paperboy uses: a heading, small print, a list, bold type and links."""
    lines = []
    for line in text.split("\n") if text else ():
        signs, kind = re.match(r"(#{1,3} |-# |)", line), ""
        if signs and signs[0]:
            kind, line = ("small" if signs[0] == "-# " else "heading"), line[len(signs[0]) :]
        said = re.sub(r"\[((?:\\.|[^\]\\])+)\]\((?:&lt;)?http[^)]*\)", r"<a>\1</a>", escape(line))
        said = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", said)
        said = re.sub(r"\\([^\w\s])", r"\1", said)
        kind = kind or ("item" if re.match(r"\d+\. ", line) else "")
        kind = kind or ("item more" if line.startswith("   ") else "")
        lines.append(f'<div class="{kind}">{said or "&nbsp;"}</div>')
    return "".join(lines)


def _row(component: Json) -> str:
    buttons = component["components"]
    names = ((b.get("emoji") or {}).get("name") or b.get("label") or "" for b in buttons)
    return f'<div class="row">{_buttons(names)}</div>'


_COMPONENTS: Final[Mapping[int, Callable[[Json], str]]] = {
    1: _row,
    10: lambda component: _markdown(component["content"]),
}


def _buttons(labels: Any) -> str:
    return "".join(f'<span class="button">{escape(label)}</span>' for label in labels)
