"""When a bar is drawn, how fast work goes, and how times are written."""

import pytest

from imagelet.progress import UPDATES_PER_SECOND, Pace, silent, write_seconds


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bar_is_due_at_first_and_then_seldom() -> None:
    clock = Clock()
    pace = Pace(clock)
    drawn = 0
    for step in range(1000):  # in a second
        clock.now = step / 1000
        if pace.due():
            pace.drawn()
            drawn += 1
    assert drawn == UPDATES_PER_SECOND


def test_speed_is_known_from_the_second_measurement_on() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.speed(100) is None
    assert pace.speed(200) is None  # no time has passed
    clock.now = 2.0
    assert pace.speed(100) is None  # nothing was done
    assert pace.speed(400) == 150


def test_speed_starts_anew_where_less_is_done_than_before() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.speed(1000)
    clock.now = 10.0
    assert pace.speed(0) is None
    clock.now = 11.0
    assert pace.speed(50) == 50


def test_silence_takes_what_is_reported() -> None:
    assert silent(1, None) is None


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (60, "1:00"), (3599.6, "1:00:00"), (7325, "2:02:05")],
)
def test_times_are_written_as_clocks_show_them(seconds: float, written: str) -> None:
    assert write_seconds(seconds) == written
