r"""Formulas of the course's pages: TeX → MathML, which browsers draw by themselves.

It knows what the pages need: numbers, letters, ``^ _``, groups, ``\frac``, ``\sqrt``, accents, functions, the
symbols below, brackets that grow (``\left``, ``\right``), and rows that are aligned. Elements are made as a
tree, so whatever a formula holds comes out as text.
"""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

LETTERS = {
    **{"beta": "β", "eta": "η", "mu": "μ", "rho": "ρ", "varepsilon": "ε", "partial": "∂"},
    "dots": "…",
}
OPERATORS = {
    **{"cdot": "⋅", "times": "×", "pm": "±", "approx": "≈", "leftarrow": "←", "sum": "∑"},
    **{"lceil": "⌈", "rceil": "⌉", "lfloor": "⌊", "rfloor": "⌋"},
}
FUNCTIONS = ("ln", "max")
SPACES = {",": 3, ";": 5, "!": -3, "quad": 18, "qquad": 36}
"""In eighteenths of an em, as TeX counts."""
ACCENTS = {"hat": "^", "bar": "¯"}
CLOSING = (")", "⌉", "⌋")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_WORDS = re.compile(r"\{([^{}]*)\}")


def mathml(formula: str, *, block: bool = False) -> str:
    r"""Return a formula as a ``<math>`` element.

    Args:
        formula: TeX, without the marks around it.
        block: whether it stands on lines of its own.

    Raises:
        ValueError: it has a command that is not known, or a brace without its partner.

    >>> mathml(r"\frac{1}{n}")
    '<math><mfrac><mn>1</mn><mi>n</mi></mfrac></math>'
    """
    reader = _Reader(formula)
    math = Element("math", {"display": "block"} if block else {})
    math.extend(reader.row())
    if reader.left:
        raise ValueError(f"there is a {reader.left[0]!r} too many in the formula {formula!r}")
    return tostring(math, encoding="unicode")


class _Reader:
    """What is left of a formula, read from its beginning.

    Attributes:
        left: the words that were not read yet.
    """

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.left = _TOKEN.findall(formula)

    def row(self, *ends: str) -> list[Element]:
        """Read up to one of the ``ends``, or to something that ends a row anywhere."""
        read: list[Element] = []
        while self._skip() and self.left[0] not in (*ends, "}", "&", r"\\", r"\right", r"\end"):
            before = read[-1] if read else None
            read.append(self._with_scripts(self._atom(before)))
        return read

    def _with_scripts(self, base: Element) -> Element:
        scripts: dict[str, Element] = {}
        while self._skip() and self.left[0] in ("_", "^", "'"):
            mark = self.left.pop(0)
            scripts["^" if mark == "'" else mark] = _operator("′") if mark == "'" else self._argument()
        if scripts:
            under = base.text == OPERATORS["sum"]
            kinds = {"_": "munder", "^": "mover"} if under else {"_": "msub", "^": "msup"}
            both = "munderover" if under else "msubsup"
            scripted = Element(both if len(scripts) == 2 else kinds[next(iter(scripts))])
            scripted.extend([base, *(scripts[mark] for mark in "_^" if mark in scripts)])
            base = scripted
        return self._before_its_argument(base)

    def _before_its_argument(self, base: Element) -> Element:
        r"""Put a little room behind ``\ln`` where no bracket follows."""
        if base.text in FUNCTIONS and self._skip() and self.left[0] not in ("(", r"\!", r"\left"):
            return _row([base, _space(SPACES[","])])
        return base

    def _argument(self) -> Element:
        if not self._skip():
            raise ValueError(f"something is missing at the end of the formula {self.formula!r}")
        return self._atom(None)

    def _atom(self, before: Element | None) -> Element:
        word = self.left.pop(0)
        if word == "{":
            inside = self.row()
            self._take("}")
            return _row(inside)
        if word[0] == "\\":
            return self._command(word[1:])
        if word[0].isdecimal():
            return _leaf("mn", word)
        if word.isalpha():
            return _leaf("mi", word)
        if word == "-" and (before is None or (before.tag == "mo" and before.text not in CLOSING)):
            return _leaf("mo", "−", form="prefix")
        return _operator("−" if word == "-" else word)

    def _command(self, name: str) -> Element:
        if name in LETTERS:
            return _leaf("mi", LETTERS[name])
        if name in OPERATORS:
            return _operator(OPERATORS[name])
        if name in FUNCTIONS:
            return _leaf("mi", name, **{"class": "upright"})
        if name in SPACES:
            return _space(SPACES[name])
        if name in ("text", "mathrm"):
            return self._upright(name)
        if name in ("frac", "tfrac", "sqrt", *ACCENTS):
            return self._built(name)
        if name == "left":
            return self._between_brackets()
        if name == "begin":
            return self._aligned()
        raise ValueError(f"unknown command \\{name} in the formula {self.formula!r}")

    def _built(self, name: str) -> Element:
        if name == "sqrt":
            made = Element("msqrt")
            made.append(self._argument())
        elif name in ACCENTS:
            made = Element("mover", {"accent": "true"})
            made.extend([self._argument(), _leaf("mo", ACCENTS[name], stretchy="false")])
        else:
            made = Element("mfrac")
            made.extend([self._argument(), self._argument()])
        if name != "tfrac":
            return made
        small = Element("mstyle", {"displaystyle": "false", "scriptlevel": "0"})
        small.append(made)
        return small

    def _upright(self, name: str) -> Element:
        found = _WORDS.match("".join(self.left))
        if found is None:
            raise ValueError(f"\\{name} has no {{words}} in the formula {self.formula!r}")
        self.left = _TOKEN.findall("".join(self.left)[found.end() :])
        if name == "mathrm":
            return _leaf("mi", found[1], **{"class": "upright"})
        return _leaf(
            "mtext", re.sub(r"^\s|\s$", "\u00a0", found[1])
        )  # MathML forgets other blanks at the ends

    def _between_brackets(self) -> Element:
        opening = self._bracket()
        inside = self.row()
        self._take(r"\right")
        return _row([opening, *inside, self._bracket()])

    def _bracket(self) -> Element:
        word = self.left.pop(0) if self._skip() else ""
        sign = OPERATORS.get(word[1:], "") if word[:1] == "\\" else word
        if not sign or sign not in "()⌈⌉⌊⌋":
            raise ValueError(f"{word!r} is no bracket in the formula {self.formula!r}")
        return _leaf("mo", sign, stretchy="true")

    def _aligned(self) -> Element:
        """Read rows with columns; columns are set to the right and to the left in turn, as TeX sets them."""
        self._take_words("{aligned}")
        table = Element("mtable", {"displaystyle": "true"})  # a fraction is as large as in one row
        line = SubElement(table, "mtr")
        while True:
            SubElement(line, "mtd").extend(self.row())
            if not self.left or self.left[0] not in ("&", r"\\"):
                break
            if self.left.pop(0) == r"\\":
                line = SubElement(table, "mtr")
        self._take(r"\end")
        self._take_words("{aligned}")
        return table

    def _skip(self) -> bool:
        """Skip blanks; say whether anything is left."""
        while self.left and self.left[0].isspace():
            self.left.pop(0)
        return bool(self.left)

    def _take(self, word: str) -> None:
        if not self._skip() or self.left.pop(0) != word:
            raise ValueError(f"there is a {word!r} missing in the formula {self.formula!r}")

    def _take_words(self, words: str) -> None:
        for word in words:
            self._take(word)


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element


def _operator(sign: str) -> Element:
    if sign == "/":
        return _leaf("mo", sign, lspace="0", rspace="0")
    return _leaf("mo", sign, **({"stretchy": "false"} if sign in "()[]⌈⌉⌊⌋" else {}))


def _space(eighteenths: int) -> Element:
    return Element("mspace", {"width": f"{eighteenths / 18:.3f}em"})


def _row(inside: list[Element]) -> Element:
    if len(inside) == 1:
        return inside[0]
    row = Element("mrow")
    row.extend(inside)
    return row
