"""What `imagelet train` shows of a finished run: its figures, where the time went, and what to type next."""

from typing import TYPE_CHECKING, Any

from imagelet import paths
from imagelet.cli import printing
from imagelet.cli.commands import PARTS, caution_learned_before, describe_accuracy, describe_uneven
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.experiment.finalize import Finished
    from imagelet.training.profiling import LayerTimes, Profile


def as_document(finished: "Finished") -> dict[str, Any]:
    """Return what ``--json`` prints."""
    from imagelet.training.history import as_columns

    run, metrics = finished.run, finished.metrics
    experiment = run.experiment
    return {
        "run": run.folder,
        "classifier": run.classifier_file,
        "dataset": experiment["dataset"],
        "understood": experiment["resolved"].get("understood", []),
        "network": experiment["resolved"]["network"],
        **metrics,
        "history": as_columns(run.history),
    }


def show_facts(finished: "Finished") -> None:
    """Print the figures."""
    metrics = finished.metrics
    facts: dict[str, str] = {}
    for part in ("validation", "test"):
        if part in metrics:
            name = Message("{part} accuracy", part=PARTS[part])
            facts |= describe_accuracy(name, metrics[part])
            facts |= describe_uneven(metrics[part], PARTS[part])
    test = metrics.get("test", {})
    caution_learned_before(test.get("learned_before"), test.get("images", 0))
    seconds = metrics["seconds"]
    facts[Message("best epoch")] = Message(
        "{epoch} of {epochs}", epoch=metrics["best_epoch"], epochs=metrics["epochs"]
    )
    facts[Message("seconds")] = Message(
        "{training:.1f} training, {data:.1f} data, {total:.1f} in total; {speed:,.0f} images/s",
        training=seconds["training"],
        data=seconds["data"],
        total=seconds["total"],
        speed=metrics["images_per_second"],
    )
    facts[Message("run")] = str(finished.run.folder)
    printing.say()
    printing.facts(facts)


def show(finished: "Finished", profile: "Profile | None", *, as_json: bool) -> None:
    """Print the figures, where the time went if that was asked for, and what to type next."""
    if as_json:
        printing.document(as_document(finished) | ({"profile": profile.to_json()} if profile else {}))
        return
    show_facts(finished)
    if profile:
        show_profile(profile)
    typed = paths.typed(finished.run.folder) + allowing(finished)
    if _should_balance(finished):
        printing.advice(
            "some classes have many images and others few: --set class_weights=balanced counts them alike"
        )
    if "test" not in finished.metrics:
        printing.advice("imagelet evaluate {run} evaluates on the test images", run=typed)
    printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=typed)


def allowing(finished: "Finished") -> str:
    """Return the option that commands on a run need: where its network is imported code, to allow that."""
    from imagelet.networks.zoo import is_imported

    return " --allow-import" if is_imported(finished.classifier.network_text) else ""


def _should_balance(finished: "Finished") -> bool:
    """Say whether classes are uneven, and the recipe does nothing about it."""
    recipe = finished.run.experiment["recipe"]
    uneven = any(finished.metrics.get(part, {}).get("uneven") for part in ("validation", "test"))
    return uneven and "balanced" not in (recipe.get("class_weights"), recipe.get("sampling"))


def show_profile(profile: "Profile") -> None:
    """Print where the time went: by phase, and by layer."""
    from imagelet.training.profiling import PHASES

    printing.say()
    printing.say("where the time went, by phase", style="bold")
    rows = [
        (Message(name), f"{seconds:.2f}", _percent(seconds, profile), Message(PHASES[name]))
        for name, seconds in profile.phases.items()
    ]
    rows.append((Message("all"), f"{profile.seconds:.2f}", _percent(profile.seconds, profile), Message("")))
    printing.table(("phase", "seconds", "percent", ""), rows, right=("seconds", "percent"), whole=("phase",))

    if layers := profile.layers():  # none where the training was over already and had only to be finished
        printing.say()
        printing.say("by layer, mean of {steps:,} steps", style="bold", steps=profile.steps)
        printing.table(
            ("layers", "forward ms", "backward ms", "percent", "GFLOP/s"),
            [_layer_row(times, profile) for times in layers],
            right=("forward ms", "backward ms", "percent", "GFLOP/s"),
        )


def _layer_row(times: "LayerTimes", profile: "Profile") -> tuple[str, ...]:
    speed = f"{times.gflop_per_second:.1f}" if times.multiply_adds else "–"
    forward, backward = (
        f"{1000 * seconds / profile.steps:.2f}" for seconds in (times.forward_seconds, times.backward_seconds)
    )
    return " ".join(times.layers), forward, backward, _percent(times.seconds, profile), speed


def _percent(seconds: float, profile: "Profile") -> str:
    return f"{100 * profile.fraction(seconds):.1f} %"
