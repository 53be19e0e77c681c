"""The seconds of a run: data, training, all together; they go on where an interrupted run stopped."""

import time


class Clock:
    """Counts from when it is made.

    Attributes:
        data: seconds until the data was in memory.
        training: seconds of training, earlier sittings of the same run included.
        images: images that training went through in this sitting.
    """

    def __init__(self) -> None:
        self.data = 0.0
        self.training = 0.0
        self.images = 0
        self._start = self._last_save = time.perf_counter()
        self._last = self._start
        self._sitting = 0.0

    def data_ready(self) -> None:
        """Note that the data is in memory."""
        self.data = self.total

    def training_begins(self, seconds_before: float) -> None:
        """Note that training begins, or goes on after ``seconds_before`` of earlier sittings."""
        self.training = seconds_before
        self._last = self._last_save = time.perf_counter()

    def tick(self, images: int) -> None:
        """Note that training goes on and has been through ``images`` more images."""
        now = time.perf_counter()
        self.training += now - self._last
        self._sitting += now - self._last
        self._last = now
        self.images += images

    def saved(self) -> None:
        """Note that the state was saved."""
        self._last_save = time.perf_counter()

    @property
    def since_save(self) -> float:
        """Seconds since the state was last saved, or since training began."""
        return self._last - self._last_save

    @property
    def total(self) -> float:
        """Seconds of this sitting, from its beginning."""
        return time.perf_counter() - self._start

    @property
    def images_per_second(self) -> float:
        """Training images a second, validation and saving included."""
        return self.images / self._sitting if self._sitting else 0.0
