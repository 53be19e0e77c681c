"""How one number comes about, as a line that a person can follow with a calculator. NumPy only."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

MOST_TERMS = 9  # of a sum that is written out; of a longer one the largest
LARGEST_TERMS = 6


def short(value: float) -> str:
    """Return a number with four digits, as a sum writes it."""
    return f"{value:.4g}" if value else "0"


def sum_text(weights: Numbers, inputs: Numbers, bias: float, result: float) -> str:
    """Return ``0.5·2 - 0.25·4 + (430 smaller terms: 0.01) + 0.1 (bias) = 0.11``; terms of 0 are left out."""
    products = weights * inputs
    ranked = np.argsort(-np.abs(products), kind="stable")
    others = np.count_nonzero(products)
    shown = LARGEST_TERMS if others > MOST_TERMS else others
    kept = ranked[:shown] if others > MOST_TERMS else np.flatnonzero(products)
    terms = [f"{_signed(weights[each])}·{_factor(inputs[each])}" for each in kept]
    if others > shown:
        rest = short(float(products[ranked[shown:]].sum()))
        terms.append(f"+ ({others - shown:,} smaller terms: {rest})")
    if bias:
        terms.append(f"{_signed(bias)} (bias)")
    text = " ".join(terms) or "+ 0"
    return f"{text[2:] if text.startswith('+') else f'-{text[2:]}'} = {short(result)}"


def mean_text(real: Numbers, result: float) -> str:
    """Return ``(1 + 2 - 6) / 3 = -1``."""
    if len(real) > MOST_TERMS:
        return (
            f"{short(float(real.sum()))}, the sum of {len(real):,} numbers, / {len(real):,} = {short(result)}"
        )
    added = " ".join(_signed(number) for number in real).removeprefix("+ ")
    return f"({added}) / {len(real)} = {short(result)}"


def largest_text(real: Numbers, result: float) -> str:
    """Return ``max(1, 2, -6) = 2``."""
    if len(real) > MOST_TERMS:
        return f"the largest of {len(real):,} numbers = {short(result)}"
    return f"max({', '.join(short(number) for number in real)}) = {short(result)}"


def normalised_text(
    number: float, mean: float, deviation: float, scale: float, shift: float, result: float
) -> str:
    """Return ``(3 - 1) / 4 · 0.5 + 1 = 1.25``; a scale of 1 is left out."""
    scaled = f" · {_factor(scale)}" if scale != 1 else ""
    return (
        f"({short(number)} {_signed(-mean)}) / {short(deviation)}{scaled} {_signed(shift)} = {short(result)}"
    )


def share_text(inputs: Numbers, place: int, subtracted: float, exponentials: Numbers) -> str:
    """Return ``exp(2) / (exp(2) + exp(1)) = 7.389 / 10.11 = 0.7311``."""
    less = f" {_signed(-subtracted)}" if subtracted else ""
    terms = [f"exp({short(number)}{less})" for number in inputs]
    own, total = float(exponentials[place]), float(exponentials.sum())
    listed = " + ".join([*terms[:2], "…", terms[-1]] if len(terms) > MOST_TERMS else terms)
    return f"{terms[place]} / ({listed}) = {short(own)} / {short(total)} = {short(own / total)}"


def function_text(kind: str, number: float, result: float) -> str:
    """Return what an activation does: ``max(-1, 0) = 0``."""
    shown = short(number)
    written = {
        "relu": f"max({shown}, 0)",
        "sigmoid": f"1 / (1 + exp({short(-number)}))",
        "gelu": f"{_factor(number)} · Φ({shown})",
        "silu": f"{_factor(number)} · sigmoid({shown})",
    }.get(kind, f"{kind}({shown})")
    return f"{written} = {short(result)}"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {short(abs(value))}"


def _factor(value: float) -> str:
    return f"({short(value)})" if value < 0 else short(value)
