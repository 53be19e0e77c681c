"""Where numbers are worked out: device, precision, threads, seeds, and a clock that waits for the device."""

import contextlib
import ctypes
import math
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch

from imagelet.cores import AUTO, not_allowed, read_threads, usable_cores
from imagelet.errors import SettingError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``: ``auto`` takes CUDA, else an Apple GPU (``mps``), else the CPU.

    Raises:
        SettingError: the name is not allowed, or there is no such device on this machine.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and (kind != "cuda" or not index.isdecimal())):
        raise SettingError(
            "unknown device '{name}'; allowed are {names} and cuda:NUMBER",
            name=name,
            names=", ".join(DEVICES),
        )
    if kind == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if kind == "auto":
        return torch.device("cuda" if count else "mps" if has_mps else "cpu")
    if kind == "mps" and not has_mps:
        raise SettingError(
            "no device 'mps': torch {version} sees no Apple GPU here",
            hint="use --device cpu; imagelet doctor shows the devices",
            version=torch.__version__,
        )
    if kind == "cuda" and int(index or 0) >= count:
        raise SettingError(
            "no device '{name}': torch {version} sees {count} CUDA devices here",
            hint="use --device cpu; imagelet doctor shows the devices",
            name=name,
            version=torch.__version__,
            count=count,
        )
    return torch.device(name)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for whoever asks next.

    A training step asks for the same large blocks again and again. The C library gives them back to the
    system each time, and the system clears every page anew, which can take as long as the arithmetic. Where
    the C library is not glibc nothing happens.

    Source: mallopt(3), M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    trim_threshold, mmap_max = -1, -4
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # another C library
            library = ctypes.CDLL(None)
            library.mallopt(mmap_max, 0)
            library.mallopt(trim_threshold, -1)


@contextlib.contextmanager
def denormals_flushed() -> Iterator[None]:
    """Let this thread take numbers below 1.2e-38 for 0 in the block, and threads that it starts for ever.

    The optimizer's memory of a weight that no longer gets a gradient shrinks until rounding holds it at such
    a number for ever, and a processor computes with those a hundred times as slowly: towards its end a
    training took three times as long a step. Torch's own threads start when they are first needed; those that
    run already stay as they are.

    Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 11.6.8.
    """
    before = math.ulp(0.0) * 1.0 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def processor_class() -> str:
    """Return by what the processor multiplies: ``bf16``, ``AVX-512``, ``AVX2``, or as torch calls it.

    ``bf16`` multiplies bfloat16 in hardware, about twice as fast as float32. Most laptops are ``AVX2``.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if has_bfloat16(torch.device("cpu")):
        return "bf16"
    return {"AVX512": "AVX-512"}.get(capability, capability)


def choose_threads(given: int | str = AUTO) -> int:
    """Return with how many threads torch is to compute: ``auto`` is as many as it does already.

    Raises:
        SettingError: no whole number, or more than there are cores that this process may use.
    """
    threads = read_threads(given)
    if isinstance(threads, str):
        return torch.get_num_threads()
    if threads > usable_cores():
        raise not_allowed(given)
    return threads


@contextlib.contextmanager
def using_threads(number: int) -> Iterator[None]:
    """Let torch compute with so many threads in the block; sums over parts are rounded by their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def start_threads() -> None:
    """Let torch start its threads now, so that they flush denormals; those that run stay as they are."""
    with denormals_flushed():
        torch.zeros(2**20).add_(1.0)  # large enough to be shared out


def has_bfloat16(device: torch.device) -> bool:
    """Say whether ``device`` multiplies bfloat16 in hardware: AMX or AVX-512 BF16, Ampere and later.

    On a processor, the setting ONEDNN_MAX_CPU_ISA can keep torch from it.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "mps":
        return False  # float32 is as fast there
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def choose_precision(name: str, device: torch.device, *, auto_allows_bfloat16: bool = True) -> torch.dtype:
    """Return the type in which ``device`` multiplies while training.

    Args:
        name: ``fp32``, ``bf16``, or ``auto``: bfloat16 only where the hardware has it.
        device: where the training runs.
        auto_allows_bfloat16: False keeps ``auto`` at float32, for networks that gain nothing from bfloat16.

    Raises:
        SettingError: the name is not allowed.
    """
    if name not in PRECISIONS:
        raise SettingError(
            "unknown precision '{name}'; allowed are {names}", name=name, names=", ".join(PRECISIONS)
        )
    if name == "auto":
        return torch.bfloat16 if auto_allows_bfloat16 and has_bfloat16(device) else torch.float32
    return TYPES[name]


def sum_type(device: torch.device) -> torch.dtype:
    """Return the type in which ``device`` adds up many numbers: float64, or float32 where it has no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def precision_name(dtype: torch.dtype) -> str:
    """Return the name that the command line uses for ``dtype``."""
    return next(name for name, known in TYPES.items() if known == dtype)


def seed_of(*counters: int) -> int:
    """Return a seed (0 to 2**63 - 1) that depends on every counter, and on nothing else.

    Randomness is a function of (seed, stream, epoch, step): there is no generator state to save, so a
    resumed run draws what the uninterrupted one would have drawn. The mixing is NumPy's SeedSequence.
    """
    low, high = np.random.SeedSequence(counters).generate_state(2, np.uint32)
    return int(low) | (int(high) & 0x7FFFFFFF) << 32


def default_generator(device: torch.device) -> torch.Generator:
    """Return the generator from which ``device`` draws where none is given: dropout."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator


def generator(device: torch.device, *counters: int) -> torch.Generator:
    """Return a generator on ``device`` that starts from :func:`seed_of` the counters."""
    return torch.Generator(device).manual_seed(seed_of(*counters))


class Timer:
    """Seconds since it was made, once the device has done all that was asked of it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Wait for the device and return the seconds since the timer was made."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter() - self._start
