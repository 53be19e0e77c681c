"""The run folder's README.md: what was trained, how good it is, what it is not for."""

from collections.abc import Sequence
from typing import Any

from imagelet import atomic_files
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import DatasetCard
from imagelet.html_repr import counted
from imagelet.runs.run import Run

CHOICE = (
    "The best epoch was chosen by the validation images, so their accuracy is a little too high; "
    "the test images had no part in it."
)
BALANCED = CHOICE.replace("by the validation images", "by the balanced accuracy on the validation images")
LAST = "The last epoch was taken: no images chose it."
OTHERS = (
    "A picture of anything else gets one of them too, mostly marked as unsure. "
    "Its figures hold for pictures like those above."
)


def write_model_card(run: Run, classifier: Classifier, card: DatasetCard, metrics: dict[str, Any]) -> None:
    """Write the card, with the front matter that model hubs read."""
    text = model_card(run.name, classifier, card, metrics, test_evaluations=len(run.test_evaluations))
    atomic_files.write_text(run.folder / "README.md", text)


def model_card(
    name: str,
    classifier: Classifier,
    card: DatasetCard,
    metrics: dict[str, Any],
    limits: str = "",
    test_evaluations: int = 0,
) -> str:
    """Return the card as Markdown with YAML front matter.

    Args:
        name: the classifier's.
        classifier: trained on the dataset of ``card``.
        card: of the dataset.
        metrics: as in ``metrics.json``.
        limits: what the classifier is for and what not, beside what holds for all classifiers.
        test_evaluations: how often the run was evaluated on its test images.
    """
    height, width, channels = classifier.input_shape
    lines = [
        *_front_matter(card),
        f"# {name}",
        "",
        f"A classifier of {height}×{width} {'grey' if channels == 1 else 'colour'} images into "
        f"{len(classifier.classes)} classes, trained on {card.title} with imagelet.",
        "",
        *_figures(classifier, metrics, test_evaluations),
        _choice(classifier),
        "",
        *_network(classifier),
        *_start(classifier, metrics),
        *_manual_changes(metrics.get("manual_changes", [])),
        "## Data",
        "",
        card.description,
        "",
        f"Source: {card.source}. Licence: {card.licence}.",
        "",
        "## Limits",
        "",
        *([limits, ""] if limits else []),
        f"It knows these classes and nothing else: {', '.join(classifier.classes)}. {OTHERS}",
        "",
    ]
    return "\n".join(lines)


def _front_matter(card: DatasetCard) -> list[str]:
    """Return what model hubs read."""
    lines = ["library_name: imagelet", "pipeline_tag: image-classification"]
    return ["---", *lines, f"datasets: [{card.name}]", "metrics: [accuracy]", "---", ""]


def _figures(classifier: Classifier, metrics: dict[str, Any], test_evaluations: int) -> list[str]:
    """Return the table of figures."""
    return [
        "| figure | value |",
        "|---|---|",
        *(row for part in ("validation", "test") if part in metrics for row in _rows(part, metrics[part])),
        *([f"| test evaluations | {test_evaluations} |"] if test_evaluations else []),
        f"| parameters | {metrics['parameters']:,} |",
        f"| training images | {classifier.training['training_images']:,} |",
        f"| epochs | {metrics['epochs']}, the best is {metrics['best_epoch']} |",
        f"| seconds of training | {metrics['seconds']['training']:.1f} |",
        "",
    ]


def _network(classifier: Classifier) -> list[str]:
    """Return the section on the network and its recipe."""
    recipe = classifier.training["recipe"]
    return [
        "## Network",
        "",
        f"```\n{classifier.network_text}\n```",
        "",
        f"Recipe `{recipe['name']}`: {recipe['optimizer']}, batch {recipe['batch_size']}, "
        f"learning rate {recipe['learning_rate']:g} ({recipe['schedule']}), "
        f"seed {classifier.training['seed']}. {_own_functions(classifier)}"
        f"{_side_by_side(classifier.training.get('side_by_side', []))}"
        f"`imagelet recipes {recipe['name']}` lists its settings.",
        "",
    ]


def _own_functions(classifier: Classifier) -> str:
    """Return which functions of a person's own the training called; nothing without any."""
    own = classifier.training.get("own", {})
    return "".join(f"Its {kind} is the own function `{name}`. " for kind, name in sorted(own.items()))


def _start(classifier: Classifier, metrics: dict[str, Any]) -> list[str]:
    """Return the section on the classifier that the training started from; an empty list without one."""
    start = classifier.training.get("start")
    if not start:
        return []
    head = "with its last layer" if start["head"] == "kept" else "with a new last layer"
    lines = [
        f"The training started from the weights of `{start['name']}`, {head}. That classifier "
        f"(SHA-256 `{start['sha256'][:12]}…`) had learned from {', '.join(start['learned_from'])}."
    ]
    learned = metrics.get("test", {}).get("learned_before")
    if learned:
        lines.append(
            f"It had learned from {learned:,} of the {metrics['test']['images']:,} test images: the accuracy "
            "on them is too high."
        )
    elif learned == 0:
        lines.append("It had learned from none of the test images.")
    return ["## Start", "", " ".join(lines), ""]


def _manual_changes(changes: list[dict[str, Any]]) -> list[str]:
    """Return the section on manual changes while it trained; an empty list without any."""
    if not changes:
        return []
    explanation = "These changes were made while it trained; its experiment.toml alone gives other weights:"
    lines = [
        f"- epoch {change['epoch']}, after step {change['step']}: {change['change']}" for change in changes
    ]
    return ["## Manual changes", "", explanation, "", *lines, ""]


def _side_by_side(recipes: list[dict[str, Any]]) -> str:
    """Return what the trainings differ in whose networks stand side by side; nothing of a single one."""
    fields = sorted({field for each in recipes for field in each})
    values = {field: [recipe[field] for recipe in recipes] for field in fields}
    told = [f"{field} {' and '.join(map(str, each))}" for field, each in values.items() if len(set(each)) > 1]
    return (
        f"{len(recipes)} trainings side by side, with {', '.join(told)}: the mean of their logits. "
        if told
        else ""
    )


def _choice(classifier: Classifier) -> str:
    """Return the sentence on what chose the epoch."""
    if classifier.training.get("validation_accuracy", 0) is None:
        return LAST
    recipe = classifier.training["recipe"]
    return BALANCED if "balanced" in (recipe.get("class_weights"), recipe.get("sampling")) else CHOICE


def _rows(part: str, figures: dict[str, Any]) -> list[str]:
    """Return the rows on the accuracy of a part; where its classes are uneven also what counts them alike."""
    images = counted(figures["images"], "image")
    if (distinct := figures.get("distinct_images", figures["images"])) < figures["images"]:
        images += f", {distinct:,} of them different"
    rows = [f"| {part} accuracy | {_percent(figures['accuracy'], figures['interval'], images)} |"]
    if figures.get("uneven"):
        rows += [
            f"| {part} {name} | {_percent(figures[field], figures[f'{field}_interval'])} |"
            for field, name in (("balanced_accuracy", "balanced accuracy"), ("macro_f1", "macro F1"))
        ]
        constant = figures["most_frequent"]
        rows.append(
            f"| {part} baseline | always saying '{constant['class']}' would give "
            f"{100 * constant['accuracy']:.2f} % |"
        )
    if copies := figures.get("copies_of_training"):
        rows.append(f"| {part} images that are copies of training images | {copies:,} |")
    return rows


def _percent(value: float, interval: Sequence[float], more: str = "") -> str:
    low, high = interval
    within = [f"95 % interval {100 * low:.2f} to {100 * high:.2f} %", *([more] if more else [])]
    return f"{100 * value:.2f} % ({', '.join(within)})"
