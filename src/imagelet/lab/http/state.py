"""The state behind the routes: runs, classifiers, trainings, threads."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request

from imagelet.http.computing import Batches, Threads
from imagelet.http.decoder import Decoder
from imagelet.http.pictures import Opened, Pictures
from imagelet.lab.http.roles import Role, role_in
from imagelet.lab.jobs.range_test import RangeTests
from imagelet.lab.jobs.store import JobStore
from imagelet.lab.services.ablations import KEPT, Accuracies
from imagelet.lab.services.cache import Cache
from imagelet.lab.services.classifiers import Classifiers
from imagelet.lab.services.classroom import Classroom
from imagelet.lab.services.groups import Groups
from imagelet.lab.services.pictures import predict
from imagelet.lab.services.runs import Predictions, RunList
from imagelet.lab.settings import Settings


@dataclass(frozen=True)
class Lab:
    """A lab that is open.

    Attributes:
        settings: what it was started with.
        runs: the list of runs.
        groups: the series of these runs, and the studies.
        classifiers: by name, loaded once.
        jobs: the store of trainings.
        range_tests: the learning rate range test that is under way.
        threads: for whatever takes a core.
        pictures: opens those of requests.
        predictions: requests for predictions, by the classifier's name.
        cells: the predictions of the last runs whose confusion matrix was looked into.
        accuracies: of networks that were broken on purpose.
        classroom: the class that it is open for; None: it is open for none.
    """

    settings: Settings
    runs: RunList
    groups: Groups
    classifiers: Classifiers
    jobs: JobStore
    range_tests: RangeTests
    threads: Threads
    pictures: Pictures
    predictions: Batches[list[Opened], dict[str, Any]]
    cells: Cache[Predictions]
    accuracies: Accuracies
    classroom: Classroom | None

    def for_pupils(self) -> "Lab":
        """Return the lab as pupils see it: without the teacher's classifiers."""
        return replace(self, classifiers=self.classifiers.for_pupils())

    def close(self) -> None:
        """Give up what is being computed, and close the store of trainings."""
        self.classifiers.close()
        self.range_tests.close()
        self.jobs.close()
        self.threads.close()
        self.pictures.close()


def open_lab(settings: Settings) -> Lab:
    """Return a lab; nothing is read yet."""
    runs = RunList(settings.runs)
    classifiers = Classifiers(settings, runs)
    threads = Threads(settings.at_once, settings.most_waiting, settings.seconds)
    pictures = Pictures(settings, Decoder())
    predictions = Batches(partial(predict, classifiers), threads, settings.requests)
    classroom = Classroom(settings.runs) if settings.pupil_token else None
    store = JobStore(settings.runs)
    return Lab(
        settings=settings,
        runs=runs,
        groups=Groups(runs),
        classifiers=classifiers,
        jobs=store,
        range_tests=RangeTests(),
        threads=threads,
        pictures=pictures,
        predictions=predictions,
        cells=Cache(2),
        accuracies=Cache(KEPT),
        classroom=classroom,
    )


async def _lab(request: Request) -> Lab:
    lab: Lab = request.app.state.lab
    return lab.for_pupils() if role_in(request.scope) is Role.PUPIL else lab


CurrentLab = Annotated[Lab, Depends(_lab)]
