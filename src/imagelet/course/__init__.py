"""The course: its trainings and exercises, and the notes' figures beside ours."""
