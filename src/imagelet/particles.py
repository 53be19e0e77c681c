"""Korean sentences with values in them: particles that fit the word before, and round numbers.

A particle's form depends on the sound that the word before ends in. A translation writes both forms behind a
place, ``'{file}'을(를)``; once it is filled, one of them stays. The page has the same in JavaScript
(``lab/static/js/shared/particles.js``); both are tested with one table.
"""

import re
import string
from collections.abc import Mapping
from typing import Any

PAIR = re.compile(r"은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로|\(이\)에요|\(이\)(?=[라나])")
FORMS = {  # behind a consonant, behind a vowel
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "과(와)": ("과", "와"),
    "(으)로": ("으로", "로"),
    "(이)에요": ("이에요", "예요"),
    "(이)": ("이", ""),
}
DIGITS = ("ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", "")  # 영 일 이 삼 사 오 육 칠 팔 구
LETTERS = {"L": "ㄹ", "M": "ㅁ", "N": "ㄴ", "R": "ㄹ"}  # 엘 엠 엔 알; all other names end in a vowel
ASIDE = re.compile(r"(?:\s*\([^()]*\)|[’”'\")\]}>])+$")  # quotes and brackets are not read aloud
SPELLED = re.compile(  # a word in capitals or without a vowel is read letter by letter
    r"(?:^|[^A-Za-z])(?:[A-Z]+|[b-df-hj-np-tv-xz]+)$"
)
SOUNDS = (  # of an English word as Koreans say it
    (re.compile(r"(?:l|le)$", re.IGNORECASE), "ㄹ"),
    (re.compile(r"(?:[mn]e?|ng|[aeiou]p|[aeiou]ck|net|set|out)$", re.IGNORECASE), "ㄴ"),
)


def with_particles(text: str) -> str:
    """Return a Korean text in which each pair of particles has become the one that fits the word before.

    >>> with_particles("'신경망'을(를) '레이어'(으)로 바꿔요")
    "'신경망'을 '레이어'로 바꿔요"
    """
    return PAIR.sub(lambda pair: _chosen(pair.group(), final_sound(text[: pair.start()])), text)


def _chosen(pair: str, final: str) -> str:
    after_consonant, after_vowel = FORMS[pair]
    is_consonant = final not in (("", "ㄹ") if pair == "(으)로" else ("",))
    return after_consonant if is_consonant else after_vowel


def final_sound(text: str) -> str:
    """Return the consonant that the last word of a text is spoken with at its end; "" for a vowel.

    Consonants other than ㄹ need not be told apart: any stands for all of them.
    """
    word = ASIDE.sub("", text)
    last = word[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return {0: "", 8: "ㄹ"}.get(final, "ㄴ")
    if last.isascii() and last.isdigit():
        return DIGITS[int(last)]
    if SPELLED.search(word):
        return LETTERS.get(last.upper(), "")
    return next((sound for ending, sound in SOUNDS if ending.search(word)), "")


class _Formatter(string.Formatter):
    """Formats as ``str.format`` does, and whole numbers with the format ``억`` as they are said."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        return said_number(value) if format_spec == "억" else super().format_field(value, format_spec)


def said_number(number: int) -> str:
    """Return a whole number in 억 and 만 where it is round, with the blank behind them; else with commas.

    >>> said_number(500_000_000) + "개", said_number(20_000) + "개", said_number(4_096) + "개"
    ('5억 개', '2만 개', '4,096개')
    """
    for unit, word in ((10**8, "억"), (10**4, "만")):
        if number >= unit and number % unit == 0:
            return f"{number // unit:,}{word} "
    return f"{number:,}"


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Return a Korean template with its values and the particles that fit them."""
    return with_particles(_Formatter().vformat(template, (), values))
