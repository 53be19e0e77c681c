"""What ``pyproject.toml`` can't say: the package's description is README.md with links that work elsewhere.

A link to a file of the project becomes an address below ``Source`` of ``[project.urls]``, at the version's
tag; as long as there is no such address, it becomes its words.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

LINK = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?![a-z]+:)(?P<path>[^)\s]+)\)")


def description(readme: str, source: str | None, version: str) -> str:
    """Return README.md as it stands on a package's page.

    Args:
        readme: its text.
        source: the repository's address; None where it has none.
        version: the package's, whose tag the links name.
    """

    def replace(link: re.Match[str]) -> str:
        picture, words, path = link.group("picture", "words", "path")
        if source is None:
            return "" if picture else words
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({source.rstrip('/')}/{kind}/v{version}/{path})"

    return LINK.sub(replace, readme)


if __name__ == "__main__":
    here = Path(__file__).parent
    project = tomllib.loads((here / "pyproject.toml").read_text("utf-8"))["project"]
    address = project.get("urls", {}).get("Source")
    setup(
        long_description=description((here / "README.md").read_text("utf-8"), address, project["version"]),
        long_description_content_type="text/markdown",
    )
