"""The same trainings in other libraries, each in an environment of its own; see README.md."""
