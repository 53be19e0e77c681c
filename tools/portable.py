"""Run the tests marked ``portable`` as older x86-64 processors compute, whatever this processor can do.

The libraries choose their code by the processor's instructions, and each choice rounds in its own way. Their
settings turn instructions off. ``python -m tools.portable`` passes its arguments to pytest.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
MARKER = "pytest.mark.portable"
V2 = frozenset({"X86_V2", "SSSE3", "SSE41", "POPCNT", "SSE42"})  # NumPy's names, the older ones too
V3 = V2 | {"X86_V3", "AVX", "F16C", "FMA3", "AVX2"}


@dataclass(frozen=True)
class Processor:
    """A class of processors.

    Attributes:
        name: the newest instructions that it has.
        features: what NumPy may use, by NumPy's names.
        newest: the last of them; a machine that has none of these cannot compute like this.
        settings: environment variables that keep the other libraries to these instructions.
    """

    name: str
    features: frozenset[str]
    newest: frozenset[str]
    settings: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Return the variables with which this machine computes like this; none if it cannot."""
        available = simd()
        if self.newest.isdisjoint(available["baseline"] + available["found"]):
            return {}
        disabled = " ".join(feature for feature in available["found"] if feature not in self.features)
        return {"NPY_DISABLE_CPU_FEATURES": disabled, **self.settings}


PROCESSORS = (
    Processor(
        "AVX2",
        V3,
        frozenset({"X86_V3", "AVX2"}),
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
        },
    ),
    Processor(
        "SSE4.2",
        V2,
        frozenset({"X86_V2", "SSE42"}),
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "OPENBLAS_CORETYPE": "Nehalem",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4",
        },
    ),
)


def simd() -> dict[str, list[str]]:
    """Return NumPy's names of what it always uses (``baseline``) and of what it found here and may use."""
    known = np.show_config(mode="dicts")["SIMD Extensions"]
    return {"baseline": known.get("baseline", []), "found": known.get("found", [])}


def marked_files(folder: Path = TESTS) -> list[Path]:
    """Return the files with portable tests; to collect all the others would take longer than these run."""
    return [path for path in sorted(folder.rglob("test_*.py")) if MARKER in path.read_text("utf-8")]


def main(arguments: list[str]) -> int:
    """Run the tests once as each class of processors; return 1 if a run failed."""
    failed = False
    for processor in PROCESSORS:
        environment = processor.environment()
        if not environment:
            print(f"As {processor.name}: not run, this machine has no {processor.name}.", flush=True)
            continue
        print(f"As {processor.name}:", flush=True)
        command = [sys.executable, "-m", "pytest", "-m", "portable", *arguments, *map(str, marked_files())]
        failed |= subprocess.run(command, env={**os.environ, **environment}, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
