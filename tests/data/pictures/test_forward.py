"""What is read from front to end gives every content, whoever asks in whatever order."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.data.pictures import forward
from imagelet.data.pictures.forward import ForwardReader

CONTENTS = {position: b"%d" % position * 10 for position in range(0, 400, 2)}


class Source:
    """Contents that are counted as they are read."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, position: int) -> Iterator[tuple[int, bytes]]:
        self.begun.append(position)
        start = position // 100 * 100  # as a group of rows begins
        return ((place, content) for place, content in CONTENTS.items() if place >= start)


@given(st.lists(st.sampled_from(list(CONTENTS)), max_size=60))
def test_any_order_gives_the_same(order: list[int]) -> None:
    reader = ForwardReader(Source().begin)
    assert [reader.read(position) for position in order] == [CONTENTS[position] for position in order]


@given(st.randoms(use_true_random=False))
def test_nearly_in_order_it_begins_once(random) -> None:
    source = Source()
    reader = ForwardReader(source.begin)
    order = sorted(CONTENTS, key=lambda position: position + random.randrange(60))
    for position in order:
        assert reader.read(position) == CONTENTS[position]
    assert len(source.begun) == 1


def test_several_threads_share_it() -> None:
    source = Source()
    reader = ForwardReader(source.begin)
    waiting, found = iter(list(CONTENTS)), {}
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                position = next(waiting, None)
            if position is None:
                return
            found[position] = reader.read(position)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == CONTENTS
    assert len(source.begun) == 1


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "MOST_BYTES_KEPT", 100)
    reader = ForwardReader(Source().begin)
    assert reader.read(398) == CONTENTS[398]
    assert sum(map(len, reader._kept.values())) <= 100
    assert reader.read(0) == CONTENTS[0]  # read anew


def test_what_is_not_there_is_said_and_what_fails_is_begun_anew() -> None:
    source = Source()
    reader = ForwardReader(source.begin)
    for position in (1, 1000):
        with pytest.raises(LookupError):
            reader.read(position)
    assert reader.read(2) == CONTENTS[2]
    assert source.begun == [1, 1000, 2]
