"""The parts: every fuzzer, and the soak, by name."""

from benchmarks.reliability import (
    array_files,
    data_files,
    files,
    keras_files,
    kills,
    lab,
    picture_files,
    run_folders,
    service,
    texts,
)
from benchmarks.reliability.fuzzing import Fuzzer

PARTS: dict[str, Fuzzer | lab.Soak] = {
    part.name: part
    for part in (
        *kills.FUZZERS,
        *files.FUZZERS,
        *data_files.FUZZERS,
        *array_files.FUZZERS,
        *picture_files.FUZZERS,
        *keras_files.FUZZERS,
        *run_folders.FUZZERS,
        *texts.FUZZERS,
        *lab.FUZZERS,
        *service.FUZZERS,
        lab.Soak(),
        service.ServiceSoak(),
    )
}
