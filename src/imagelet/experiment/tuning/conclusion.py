"""The end of a search: trials and finalists out of the journal, the winner's recipe, files, figures."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagelet import atomic_files, plots
from imagelet.errors import RunError
from imagelet.experiment.tuning.result import (
    COMPLETE,
    PRUNED,
    RUNNING,
    Comparison,
    Finalist,
    Trial,
    Tuned,
    compare_finalists,
)
from imagelet.experiment.tuning.space import NETWORK, VIEWS, describe_settings
from imagelet.experiment.tuning.study import Definition, Journal
from imagelet.experiment.tuning.trials import Reached, tested_recipe
from imagelet.training.recipe_file import write_recipe

RECIPE, RESULT = "recipe.toml", "tuning.json"
TRIALS_FIGURE, IMPORTANCE_FIGURE = "trials.png", "importance.png"
FEWEST_TRIALS = 6  # of which the importance of fields is told
TREES = 32


def trials_of(journal: Journal, definition: Definition) -> tuple[Trial, ...]:
    """Return the trials of a study that have begun, the start's among them: it has no settings.

    Args:
        journal: the study's.
        definition: names what was searched.
    """
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.RUNNING: RUNNING}
    known = definition.space.distributions()
    return tuple(
        Trial(
            trial.number,
            {key: value for key, value in trial.params.items() if key in known},
            tuple(trial.intermediate_values[step] for step in sorted(trial.intermediate_values)),
            states[trial.state],
        )
        for trial in journal.search.get_trials(deepcopy=False, states=tuple(states))
    )


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials with settings, the best first: those that got furthest, then by their accuracy."""
    return sorted(
        (trial for trial in trials if trial.settings and trial.history),
        key=lambda trial: (trial.state != COMPLETE, -len(trial.history), -max(trial.history)),
    )


def finalists_of(folder: Path, journal: Journal, aside: int) -> list[Finalist]:
    """Return the finalists of a study with what their trainings reached.

    Args:
        folder: the study's.
        journal: the study's.
        aside: how many images were set aside.

    Raises:
        RunError: the journal is damaged.
    """
    found: dict[int, Finalist] = {}
    try:
        for number, seed, settings, reached in journal.finals():
            before = found.get(number, Finalist(number, settings, {}))
            both = {**before.reached, seed: Reached.from_json(reached, aside)}
            found[number] = dataclasses.replace(before, reached=both)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RunError(
            "the journal of the study {folder} is damaged ({error})",
            hint="begin another study: leave --resume out",
            folder=folder,
            error=error,
        ) from error
    return list(found.values())


def conclude(
    folder: Path,
    definition: Definition,
    journal: Journal,
    *,
    aside: int,
    first_rung: int,
    interrupted: bool,
) -> Tuned:
    """Return the result of a search so far, and write its recipe, figures and ``tuning.json``.

    Args:
        folder: the study's.
        definition: what was searched.
        journal: the study's.
        aside: how many images were set aside.
        first_rung: the epoch after which every trial was compared.
        interrupted: Ctrl-C ended the search.
    """
    start = definition.experiment
    own_views = start.recipe.test_time_augmentation
    trials = trials_of(journal, definition)
    comparison = compare_finalists(finalists_of(folder, journal, aside), own_views)
    settings, views = _winner(trials, comparison, own_views)
    recipe = tested_recipe(start.recipe, definition.asked, settings, views)
    network = str(settings.get(NETWORK, start.network))
    recipe = dataclasses.replace(recipe, name=folder.name, network=network, note="")
    importance = _importance(trials, definition, first_rung)
    figures = _draw(folder, trials, importance)
    tuned = Tuned(
        folder=folder,
        dataset=start.dataset,
        trials=trials,
        comparison=comparison,
        recipe=recipe,
        network=network,
        recipe_file=folder / RECIPE,
        figures=figures,
        importance=importance,
        final_epochs=definition.final_epochs,
        own_epochs=start.recipe.epochs,
        interrupted=interrupted,
    )
    write_recipe(tuned.recipe_file, recipe, _comments(tuned))
    atomic_files.write_json(folder / RESULT, tuned.to_json())
    return tuned


def _winner(
    trials: Sequence[Trial], comparison: Comparison | None, own_views: str
) -> tuple[Mapping[str, Any], str]:
    """Return the winner's settings and test-time augmentation; without a final, those of the best trial."""
    if comparison is not None:
        return comparison.winner.finalist.settings, comparison.winner.views
    best = ranked(trials)
    return (best[0].settings if best else {}), own_views


def _comments(tuned: Tuned) -> tuple[str, ...]:
    """Return the first lines of the recipe's file: what was found, and how."""
    lines = [f"imagelet tune {tuned.dataset}: the best of {len(tuned.trials)} trials"]
    if tuned.comparison is None:
        return (*lines, "not compared with the start: there was no time for the final")
    compared = tuned.comparison
    low, high = (100 * end for end in compared.interval)
    difference = 100 * compared.difference
    interval = f"95 % interval {low:+.2f} to {high:+.2f}"
    changed = describe_settings({**compared.winner.finalist.settings, VIEWS: compared.winner.views})
    return (
        *lines,
        f"against the start: {difference:+.2f} points ({interval}) on {compared.images} images set aside",
        f"trained {tuned.final_epochs} epochs there; differs in: {changed}",
    )


def _importance(trials: Sequence[Trial], definition: Definition, first_rung: int) -> dict[str, float]:
    """Return how much of the trials' difference each field explains, the most important first.

    What is compared is the accuracy after the first rung, which every trial has: functional ANOVA over a
    forest of regression trees (Hutter, Hoos and Leyton-Brown 2014).
    """
    import optuna

    known = definition.space.distributions()
    seen = [
        trial for trial in trials if set(trial.settings) == set(known) and len(trial.history) >= first_rung
    ]
    if len(seen) < FEWEST_TRIALS or len({trial.history[first_rung - 1] for trial in seen}) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    for trial in seen:
        value = trial.history[first_rung - 1]
        study.add_trial(
            optuna.trial.create_trial(params=dict(trial.settings), distributions=known, value=value)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=0)
    try:
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # the trees explain nothing
        return {}
    return {name: float(share) for name, share in found.items()}


def _draw(folder: Path, trials: Sequence[Trial], importance: Mapping[str, float]) -> tuple[Path, ...]:
    """Draw the trials, and the importance of the fields where it is known; return the files."""
    files: list[Path] = []
    shown = [trial for trial in trials if trial.history]
    if shown:
        best = ranked(trials)[:1]
        figure = plots.tuning_trials(
            [trial.history for trial in shown],
            start=next((place for place, trial in enumerate(shown) if not trial.settings), None),
            best=next((place for place, trial in enumerate(shown) if trial in best), None),
        )
        plots.save(figure, folder / TRIALS_FIGURE)
        files.append(folder / TRIALS_FIGURE)
    if importance:
        plots.save(plots.importance(importance), folder / IMPORTANCE_FIGURE)
        files.append(folder / IMPORTANCE_FIGURE)
    return tuple(files)
