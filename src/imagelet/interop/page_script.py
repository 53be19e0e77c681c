"""The modules of a page's script joined into one, without what only people need: comments and long names.

The modules stay plain and are tested as they are. This is no parser: it knows the words of JavaScript, not
its grammar, and takes what our own modules hold: named imports and exports, no regular expressions, no
classes, no templates inside templates.
"""

import itertools
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
    |(?P<text>"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<number>\.?\d[\w.]*)
    |(?P<sign>=>|\?\.|\.\.\.|\+\+|--|.)""",
    re.DOTALL | re.VERBOSE,
)
OPENING, CLOSING = "([{", ")]}"
TAKEN = frozenset({"do", "if", "in", "of", "for", "let", "new", "try", "var"})  # by the language


class Token(NamedTuple):
    """A word or sign of a script.

    Attributes:
        kind: ``text``, ``name``, ``number`` or ``sign``.
        text: itself.
        within: the bracket that it is in; of brackets themselves the one around. Nothing outside of all.
        declares: names directly in this bracket, behind its beginning or a comma, are declared there.
    """

    kind: str
    text: str
    within: str
    declares: bool


def join_modules(modules: Mapping[str, str], entry: str) -> str:
    """Return one script of modules that import each other.

    Args:
        modules: their texts by their paths: ``page/start.js``.
        entry: the path of the first, which runs at the end.

    Raises:
        ValueError: an import or export of another form, or of no module that is there; a name that two
            modules have at their top.
    """
    bodies: dict[str, str] = {}
    _add(modules, entry, bodies, ())
    tops = Counter(name for body in bodies.values() for name in _names_at_the_top(body))
    if twice := [name for name, count in tops.items() if count > 1]:
        raise ValueError(f"two modules have these names at their top: {', '.join(sorted(twice))}")
    return _written(list(_tokens("".join(bodies.values()))))


def _add(modules: Mapping[str, str], path: str, bodies: dict[str, str], above: tuple[str, ...]) -> None:
    """Add a module behind all that it imports."""
    if path in above:
        raise ValueError(f"{' → '.join((*above, path))}: a circle of imports")
    if path in bodies:
        return
    if path not in modules:
        raise ValueError(f"{above[-1] if above else 'the page'} imports {path}, which is not there")
    for imported in IMPORT.finditer(modules[path]):
        _add(modules, _resolved(path, imported[2]), bodies, (*above, path))
    body = re.sub(
        r"^export (?=(?:async )?function |const |let )", "", IMPORT.sub("", modules[path]), flags=re.MULTILINE
    )
    if strange := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"{path}: cannot be joined: {strange[0]}")
    bodies[path] = body


def _resolved(path: str, target: str) -> str:
    """Return the path that ``target`` means in the module of ``path``."""
    folders = path.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            folders.pop()
        elif part != ".":
            folders.append(part)
    return "/".join(folders)


def _names_at_the_top(body: str) -> list[str]:
    declared = re.findall(r"^(?:async )?(?:function|const|let) ([\w$]+|[\[{][^=]*[\]}])", body, re.MULTILINE)
    return [name for names in declared for name in re.findall(r"[\w$]+", names)]


def _tokens(script: str) -> Iterator[Token]:
    """Yield the words and signs of a script."""
    matches = [match for match in TOKEN.finditer(script) if match.lastgroup != "space"]
    texts = [match[0] for match in matches]
    partners = _partners(texts)
    stack = [("", False)]
    for index, match in enumerate(matches):
        text = texts[index]
        if text in CLOSING:
            stack.pop()
        yield Token(match.lastgroup or "", text, *stack[-1])
        if text in OPENING:
            stack.append((text, _declares(texts, index, partners[index], stack[-1])))


def _partners(texts: list[str]) -> dict[int, int]:
    """Return the place of each opening bracket's closing one."""
    partners, opened = {}, []
    for index, text in enumerate(texts):
        if text in OPENING:
            opened.append(index)
        elif text in CLOSING:
            partners[opened.pop()] = index
    return partners


def _declares(texts: list[str], start: int, end: int, around: tuple[str, bool]) -> bool:
    """Return whether a bracket holds names that are declared: parameters, or a pattern."""
    before = texts[start - 1] if start else ""
    if texts[start] == "(":
        behind = texts[end + 1] if end + 1 < len(texts) else ""
        return behind == "=>" or texts[start - 2 : start - 1] == ["function"]
    return before in ("const", "let") or (around[1] and around[0] != "{" and before in ("(", "[", ","))


def _written(tokens: list[Token]) -> str:
    """Return a script with the shortest names and no more spaces than it needs."""
    short = _short_names(tokens)
    written, last = [], ""
    for token in tokens:
        text = short.get(token.text, token.text) if token.kind == "name" else token.text
        words = re.match(r"[\w$]", text) and re.search(r"[\w$]\Z", last)
        if words or (text[0] in "+-" and last[-1:] == text[0]):
            written.append(" ")
        written.append(text)
        if text in (";", "}") and not token.within:
            written.append("\n")
        last = text
    return "".join(written)


def _short_names(tokens: list[Token]) -> dict[str, str]:
    """Return shorter names for those that are variables wherever they stand.

    A name gets the same new one everywhere, so scopes need not be known; names of properties stay.
    """
    uses = Counter(token.text for token in tokens if token.kind == "name")
    declared, kept = set(), set(TAKEN)
    for before, token, behind in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        first, last = before.text if before else "", behind.text if behind else ""
        if token.kind == "text" and token.text.startswith("`"):
            kept |= set(re.findall(r"[\w$]+", token.text))
        if token.kind != "name":
            continue
        in_list = token.declares and token.within != "{" and first in ("(", "[", ",", "...")
        if in_list or first in ("const", "let", "function") or last == "=>":
            declared.add(token.text)
        in_object = token.within == "{" and first in ("{", ",") and last in (":", ",", "}", "=", "(")
        if in_object or first in (".", "?."):
            kept.add(token.text)
    longest_first = sorted(declared - kept, key=lambda name: (-uses[name] * len(name), name))
    free = (name for name in _all_names() if name not in uses and name not in kept)
    return {name: new for name, new in zip(longest_first, free, strict=False) if len(new) < len(name)}


def _all_names() -> Iterator[str]:
    """Yield all names, the shortest first: ``a``, ``b``, and ``aa`` behind ``Z``."""
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_letters, repeat=length))
