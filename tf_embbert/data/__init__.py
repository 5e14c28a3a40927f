"""Labelled text from wherever it comes: tasks by name, file or folder, labels and splits."""
