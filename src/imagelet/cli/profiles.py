"""How `imagelet train --profile` prints where the time of a training went."""

from typing import TYPE_CHECKING

from imagelet.cli import printing

if TYPE_CHECKING:
    from imagelet.training.profiling import LayerTimes, Profile

STANDS_OUT = {  # a phase, from which share of the training on it stands out, and what to do then
    "gathering": (1 / 3, "are the images on a slow disk?"),
    "augmentation": (1 / 3, "shift and flip cost little, rotation, scaling and shear much: --set rotation=0"),
    "optimizer": (1 / 3, "larger batches take fewer steps: --batch-size"),
    "validation": (1 / 3, "fewer validation images take less: --validation 0.05"),
    "outside": (1 / 3, "are the runs on a slow disk? --runs DIR writes elsewhere"),
}
LAYER_STANDS_OUT = 1 / 2


def show(profile: "Profile") -> None:
    """Print the phases, the layers, and what to do about the one that stands out, if one does."""
    from imagelet.training.profiling import PHASES

    printing.say()
    printing.say("where the time went, by phase", style="bold")
    rows = [
        (name, f"{seconds:.2f}", _percent(seconds, profile), PHASES[name])
        for name, seconds in profile.phases.items()
    ]
    rows.append(("all", f"{profile.seconds:.2f}", _percent(profile.seconds, profile), ""))
    printing.table(("phase", "seconds", "share", ""), rows, right=("seconds", "share"), whole=("phase",))

    layers = profile.layers()
    if layers:  # none where the training was over already and had only to be finished
        printing.say()
        printing.say("by layer, a mean of {steps:,} steps", style="bold", steps=profile.steps)
        headings = ("layers", "forward ms", "backward ms", "share", "GFLOP/s")
        printing.table(headings, [_layer_row(each, profile) for each in layers], right=headings[1:])
    if advice := _advice(profile, layers):
        printing.advice(advice)


def _layer_row(times: "LayerTimes", profile: "Profile") -> tuple[str, ...]:
    speed = f"{times.gflop_per_second:.1f}" if times.multiply_adds else "–"
    forward, backward = (
        f"{1000 * seconds / profile.steps:.2f}" for seconds in (times.forward_seconds, times.backward_seconds)
    )
    return " ".join(times.layers), forward, backward, _percent(times.seconds, profile), speed


def _advice(profile: "Profile", layers: "list[LayerTimes]") -> str:
    """Return a sentence about the phase or layer that takes far too much; empty if none does."""
    found = [
        (profile.phases[name], name, what)
        for name, (limit, what) in STANDS_OUT.items()
        if profile.share(profile.phases[name]) > limit
    ]
    found += [
        (each.seconds, " ".join(each.layers), "fewer filters or units there, or a pool before, save the most")
        for each in layers
        if profile.share(each.seconds) > LAYER_STANDS_OUT
    ]
    if not found:
        return ""
    seconds, name, what = max(found)
    return f"{name} takes {_percent(seconds, profile)} of the training: {what}"


def _percent(seconds: float, profile: "Profile") -> str:
    return f"{100 * profile.share(seconds):.1f} %"
