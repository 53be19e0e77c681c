"""The counts are in the form that Prometheus reads, and count what happened."""

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from imagelet.service.metrics import Histogram, Metrics, resident_bytes
from tests.service.conftest import Served
from tests.service.test_predict import as_json

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    """Return the samples of a text in Prometheus's format 0.0.4, which must keep to its rules."""
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    samples: Samples = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, meaning = line[7:].partition(" ")
            assert NAME.fullmatch(name)
            assert meaning
            assert name not in helped
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split()
            assert kind in ("counter", "gauge", "histogram")
            assert name not in kinds
            kinds[name] = kind
        else:
            found = LINE.fullmatch(line)
            assert found, line
            name, listed, value = found.groups()
            labels = LABEL.findall(listed or "")
            assert LABEL.sub("", listed or "") == ""
            assert len(dict(labels)) == len(labels)
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert kinds.get(name) in ("counter", "gauge") or kinds[family] == "histogram", line
            assert (name, frozenset(labels)) not in samples
            samples[name, frozenset(labels)] = float(value)
    for name, kind in kinds.items():
        if kind == "counter":
            assert name.endswith("_total")
        if kind == "histogram":
            check_histogram(name, samples)
    return samples


def check_histogram(name: str, samples: Samples) -> None:
    """Buckets are cumulative, and the last holds all values."""
    series: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    for (sample, labels), value in samples.items():
        if sample == f"{name}_bucket":
            bound = float(dict(labels)["le"])
            series.setdefault(labels - {("le", dict(labels)["le"])}, []).append((bound, value))
    for labels, buckets in series.items():
        buckets.sort()
        assert buckets[-1][0] == math.inf
        assert all(low[1] <= high[1] for low, high in pairwise(buckets))
        assert samples[f"{name}_count", labels] == buckets[-1][1]
        assert samples[f"{name}_sum", labels] >= 0


def value(samples: Samples, name: str, **labels: Any) -> float:
    return samples.get((name, frozenset((label, str(text)) for label, text in labels.items())), 0.0)


def test_they_count_what_happened(service: Served, seven: bytes) -> None:
    service.post("/predict", as_json(seven, b"none", seven))
    service.post("/predict", as_json(seven))
    service.post("/predict", {})
    service.get("/nothing/of/the/kind")
    service.get("/health", headers={"host": "evil.com"})
    answer = service.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = read(answer.text)
    requests = "imagelet_requests_total"
    assert value(samples, requests, route="/predict", status=200) == 2
    assert value(samples, requests, route="/predict", status=422) == 1
    assert value(samples, requests, route="other", status=404) == 1
    assert value(samples, requests, route="/health", status=421) == 1
    assert value(samples, "imagelet_request_seconds_count", route="/predict") == 3
    assert value(samples, "imagelet_pictures_total", outcome="predicted") == 3
    assert value(samples, "imagelet_pictures_total", outcome="unreadable") == 1
    assert value(samples, "imagelet_batch_pictures_count") == 2
    assert value(samples, "imagelet_batch_pictures_bucket", le=1) == 1
    assert value(samples, "imagelet_batch_pictures_bucket", le=4) == 2
    assert "/nothing" not in answer.text  # no stranger makes up labels


def test_they_tell_of_the_process(service: Served) -> None:
    samples = read(service.get("/metrics").text)
    assert value(samples, "imagelet_ready") == 0
    service.state.get_ready()
    samples = read(service.get("/metrics").text)
    assert value(samples, "imagelet_ready") == 1
    assert value(samples, "process_cpu_seconds_total") > 0
    if resident_bytes() is not None:
        assert 10e6 < value(samples, "process_resident_memory_bytes") < 100e9


def test_a_name_of_any_letters_is_escaped() -> None:
    metrics = Metrics('a "b"\\\nc', lambda: True)
    metrics.count_request("/predict", 200, 0.01)
    (labels,) = [labels for name, labels in read(metrics.text()) if name == "imagelet_info"]
    assert dict(labels)["classifier"] == 'a \\"b\\"\\\\\\nc'


def test_a_value_on_a_bound_is_below_it() -> None:
    histogram = Histogram((1, 2))
    for number in (1, 1.5, 2, 3):
        histogram.add(number)
    assert list(histogram.lines("h", {})) == [
        'h_bucket{le="1"} 1',
        'h_bucket{le="2"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum 7.5",
        "h_count 4",
    ]


def test_each_request_is_noted_where_somebody_listens(
    open_service: Callable[..., Served], seven: bytes
) -> None:
    noted: list[tuple[Any, ...]] = []
    service = open_service(note=lambda *request: noted.append(request))
    service.post("/predict", as_json(seven))
    service.get("/nothing")
    assert [request[1:4] for request in noted] == [("POST", "/predict", 200), ("GET", "/nothing", 404)]
    assert all(request[4] > 0 for request in noted)
