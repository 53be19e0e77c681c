"""The summary of what a person names: network text, a name, or a builder, for which torch is loaded."""

from collections.abc import Sequence

from imagelet.networks.summary import Summary, summarize_text
from imagelet.networks.text import parse, to_text
from imagelet.networks.zoo import find_network


def summarize_named(
    text_or_name: str, input_shape: Sequence[int], classes: int, *, allow_import: bool = True
) -> tuple[str, Summary]:
    """Return a network's canonical text and its summary; what code makes is built, all else is not.

    Args:
        text_or_name: network text, or a network's name.
        input_shape: (height, width, channels).
        classes: their number.
        allow_import: a builder that the text names may be imported.

    Raises:
        NetworkTextError, UsageError: as :func:`infer_shapes` does.
        UnknownNameError: a single word that is no network's name and no layer.
    """
    known = find_network(text_or_name)
    if known.builder is None:
        return to_text(parse(known.text)), summarize_text(known.text, input_shape, classes)
    from imagelet.networks.building import build
    from imagelet.networks.module_summary import summarize

    built = build(text_or_name, input_shape, classes, allow_import=allow_import)
    return built.text, summarize(built)
