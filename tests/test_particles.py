"""Korean particles: one of a pair, chosen by the sound of the word before."""

import json
from pathlib import Path

import pytest

from imagelet.messages import Message, translate
from imagelet.particles import with_particles

CASES = json.loads((Path(__file__).parent / "korean_particles.json").read_text("utf-8"))


@pytest.mark.parametrize(("written", "said"), CASES)
def test_a_pair_becomes_the_particle_that_fits(written: str, said: str) -> None:
    assert with_particles(written) == said


def test_a_translated_message_has_the_particle_of_its_value() -> None:
    template = "unknown {kind} '{name}'{meant}"
    for kind, said in (("network", "신경망이에요"), ("recipe", "레시피예요")):
        assert said in translate(Message(template, kind=Message(kind), name="x", meant=""), "ko")
