"""Interactive pages: served to this computer alone, their controls being keys of a project file."""
