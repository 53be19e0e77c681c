"""The course: its trainings and exercises, carried out, with the notes' figures beside ours."""
