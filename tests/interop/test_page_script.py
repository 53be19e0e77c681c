"""The modules of a page, joined: the same script, shorter."""

import re

import pytest

from imagelet.interop.page_script import join_modules
from tests.interop import javascript

PLANES = """// @ts-check
// Numbers.

/** Twice a number. */
export function doubled(/** @type {number} */ value) {
  return value * 2; // not three times
}

export const { PI: roundness } = Math;
"""
MAIN = """// @ts-check
import { doubled, roundness } from "./maths/planes.js";

const greeting = "two // slashes, function value";
const counted = { value: 3, doubled: 4 };

function describe({ value, rest = 5 }, [first, second], ...others) {
  let sum = value + first - -second + +rest;
  for (const other of others) sum += other;
  return `${greeting}: ${sum}`;
}

const results = [doubled(counted.value), counted.doubled, describe(counted, [1, 2], 3, 4)];
const show = async (result) => (result instanceof Object ? "an object" : result);
process.stdout.write([...results, roundness > 3, typeof show].join(" | "));
"""
PRINTED = "6 | 4 | two // slashes, function value: 18 | true | function"


def modules(**changed: str) -> dict[str, str]:
    return {"main.js": MAIN, "maths/planes.js": PLANES} | changed


@javascript.needs_node
def test_the_joined_script_does_what_the_modules_do() -> None:
    joined = join_modules(modules(), "main.js")
    assert javascript.evaluate(joined) == PRINTED


def test_what_only_people_need_is_left_out() -> None:
    joined = join_modules(modules(), "main.js")
    assert len(joined) < 0.6 * len(MAIN + PLANES)
    for word in ("Numbers", "three times", "@type", "import", "export", "describe", "results", "  "):
        assert word not in joined
    assert '"two // slashes, function value"' in joined


def test_names_of_properties_stay() -> None:
    joined = join_modules(modules(), "main.js")
    assert re.search(r"\{value:3,doubled:4\}", joined)


def test_a_module_that_two_import_is_there_once() -> None:
    take = 'import { doubled } from "./maths/planes.js";\n'
    both = f'{take}import {{ twice }} from "./other.js";\ntwice(doubled(1));\n'
    other = f"{take}export function twice(number) {{\n  return doubled(number);\n}}\n"
    joined = join_modules({"main.js": both, "other.js": other, "maths/planes.js": PLANES}, "main.js")
    assert joined.count("*2") == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"main.js": 'import { a } from "./gone.js";\n'}, "main.js imports gone.js, which is not there"),
        (
            {"main.js": 'import everything from "./maths/planes.js";\n'},
            "main.js: cannot be joined: import everything",
        ),
        ({"maths/planes.js": "export default 3;\n"}, "cannot be joined: export default 3;"),
        (
            {"maths/planes.js": PLANES + "export function describe() {}\n"},
            "two modules have these names .* describe",
        ),
        ({"maths/planes.js": 'import { a } from "../main.js";\n' + PLANES}, "a circle of imports"),
    ],
)
def test_what_cannot_be_joined_is_refused(changed: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        join_modules(modules() | changed, "main.js")
