"""The section of ``docs/benchmarks.md`` on looking inside: what is asked for beside what was measured."""

from collections.abc import Mapping

from benchmarks.result_files import Result
from benchmarks.writing import NONE, machine, network_name, short_seconds, star, table, with_busy

LOOKS = """\
Seconds of every layer's output and of the evidence by each method, for one picture that is in memory; a
network without a convolution has no Grad-CAM. *First* is a process that has built the network and nothing
else, and imports what it needs on the way; *again* is the median of {looks} looks after it, which is what the
limit is for. Nothing is drawn. Measured on one machine ({machine}).
"""

COMMANDS = """\
The images that are embedded had been read before. The commands are whole processes about the classifier of
`{command}`: {network}, {parameters:,} parameters. The first
time they embed its training images too, which are kept; *again* is the median of {repetitions} times after
it. A page of `imagelet report` has {kilobytes:,.0f} kB.
"""


def inside_section(found: Mapping[str, Result]) -> str:
    """Return heading, text and the tables of looks and of commands; "" where the result is missing."""
    if "inside" not in found:
        return ""
    result = found["inside"]
    measured = result["measured"]
    repetitions = {each["again_seconds"]["repetitions"] for each in measured["networks"].values()}
    looks = LOOKS.format(looks=max(repetitions), machine=machine(result))
    commands = COMMANDS.format(
        command=measured["command"],
        network=network_name(measured["network"]),
        parameters=measured["parameters"],
        repetitions=measured["report_again_seconds"]["repetitions"],
        kilobytes=measured["page_bytes"] / 1e3,
    )
    tables = with_busy(_commands(result), [result])
    return f"## Looking inside\n\n{looks}\n{_looks(result)}\n\n{commands}\n{tables}"


def _looks(result: Result) -> str:
    measured = result["measured"]
    asked = _asked(measured["limits"]["look"])
    rows = [
        (
            f"`{network}`",
            str(len(each["methods"])),
            _seconds(each["first_seconds"], result),
            _seconds(each["again_seconds"]["median"], result),
            asked,
        )
        for network, each in measured["networks"].items()
    ]
    return table(("network", "methods", "first", "again", "asked for"), rows)


def _commands(result: Result) -> str:
    measured = result["measured"]
    embedding = measured["embedding"]
    what = f"{embedding['images']:,} images of {embedding['dataset']} embedded by `{embedding['network']}`"
    rows = [(what, _seconds(embedding["seconds"], result), NONE, _asked(measured["limits"]["embed"]))]
    for name, words in {"explain": "explain RUN PICTURE", "report": "report RUN"}.items():
        first, again = measured[f"{name}_first_seconds"], measured[f"{name}_again_seconds"]["median"]
        rows.append((f"`imagelet {words}`", _seconds(first, result), _seconds(again, result), NONE))
    return table(("what", "first", "again", "asked for"), rows)


def _seconds(value: float, result: Result) -> str:
    return short_seconds(value) + star(result)


def _asked(limit: float) -> str:
    return f"under {limit:g} s"
