"""The settings of a service."""

from dataclasses import dataclass

from imagelet.http.settings import ServerSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    """The settings of a service, beside those of every server.

    Attributes:
        name: what the classifier is called.
        cores: on how many the network computes a batch.
    """

    name: str
    port: int = 8766
    requests: int = 256
    cores: int = 1
