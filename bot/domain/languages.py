"""Languages that a model writes its sentences in: by code (ISO 639-1) and by name."""

from __future__ import annotations

import difflib
from typing import Final

ENGLISH: Final = "en"

# Code -> its name in English and its own. Those that many people read, and most models write.
_NAMES: Final[dict[str, tuple[str, str]]] = {
    "ar": ("Arabic", "العربية"),
    "bg": ("Bulgarian", "български"),
    "bn": ("Bengali", "বাংলা"),
    "ca": ("Catalan", "català"),
    "cs": ("Czech", "čeština"),
    "da": ("Danish", "dansk"),
    "de": ("German", "Deutsch"),
    "el": ("Greek", "ελληνικά"),
    "en": ("English", "English"),
    "es": ("Spanish", "español"),
    "et": ("Estonian", "eesti"),
    "fa": ("Persian", "فارسی"),
    "fi": ("Finnish", "suomi"),
    "fr": ("French", "français"),
    "he": ("Hebrew", "עברית"),
    "hi": ("Hindi", "हिन्दी"),
    "hr": ("Croatian", "hrvatski"),
    "hu": ("Hungarian", "magyar"),
    "id": ("Indonesian", "Bahasa Indonesia"),
    "it": ("Italian", "italiano"),
    "ja": ("Japanese", "日本語"),
    "ko": ("Korean", "한국어"),
    "lt": ("Lithuanian", "lietuvių"),
    "lv": ("Latvian", "latviešu"),
    "nb": ("Norwegian", "norsk"),
    "nl": ("Dutch", "Nederlands"),
    "pl": ("Polish", "polski"),
    "pt": ("Portuguese", "português"),
    "ro": ("Romanian", "română"),
    "ru": ("Russian", "русский"),
    "sk": ("Slovak", "slovenčina"),
    "sl": ("Slovenian", "slovenščina"),
    "sr": ("Serbian", "српски"),
    "sv": ("Swedish", "svenska"),
    "th": ("Thai", "ไทย"),
    "tr": ("Turkish", "Türkçe"),
    "uk": ("Ukrainian", "українська"),
    "ur": ("Urdu", "اردو"),
    "vi": ("Vietnamese", "Tiếng Việt"),
    "zh": ("Chinese", "中文"),
}
_CODES: Final = {word.casefold(): code for code, names in _NAMES.items() for word in (code, *names)}


def language_code(word: str) -> str | None:
    """The code that a code or a name means, in any case; None for an unknown one."""
    return _CODES.get(word.strip().casefold())


def nearest_language(word: str) -> str | None:
    """The code or name probably meant by an unknown one."""
    close = difflib.get_close_matches(word.strip().casefold()[:40], _CODES, 1)
    return _NAMES[_CODES[close[0]]][0] if close else None


def language_name(code: str) -> str:
    """Its name in English."""
    return _NAMES[code][0] if code in _NAMES else code
