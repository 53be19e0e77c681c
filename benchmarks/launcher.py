"""Run a command; print as JSON what it printed, its exit code, its seconds and its peak memory.

    python benchmarks/launcher.py COMMAND...

A small process between a benchmark and what it measures, because Linux counts the memory of whoever starts a
process as that process's own: until it has become another program, it is a copy. A benchmark that has images
in memory would find them in every figure. Source: getrusage(2), execve(2).
"""

import json
import os
import subprocess
import sys
import time


def main(command: list[str]) -> int:
    """Run ``command``; what it prints as errors is passed on."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    peak_bytes = _peak_bytes(process)
    seconds = time.perf_counter() - started
    answer = {"output": output, "code": process.wait(), "seconds": seconds, "peak_bytes": peak_bytes}
    json.dump(answer, sys.stdout)
    return 0


def _peak_bytes(process: "subprocess.Popen[str]") -> int | None:
    """Wait for the process and return the most memory it had; None where the system does not tell."""
    if not hasattr(os, "wait4"):  # Windows
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
