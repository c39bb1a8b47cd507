"""The interactive page of a reduction: every control is a key of the project file."""
