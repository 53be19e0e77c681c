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


def test_a_limit_is_said_in_round_numbers() -> None:
    template = "the network would have {count:,} parameters; at most {most:,} are allowed"
    said = translate(Message(template, count=612_345_678, most=500_000_000), "ko")
    assert said == "신경망의 매개변수가 612,345,678개로, 한도(5억 개)를 넘어요."
