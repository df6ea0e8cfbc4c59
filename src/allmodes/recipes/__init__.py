"""One function a paper: from an event to a model and the settings it is trained with."""

from allmodes.recipes.base import (
    Adam,
    Entry,
    Momentum,
    Optimizer,
    Recipe,
    build,
    entry,
    named,
    read_settings,
    recipe,
    recipes,
)

__all__ = [
    "Adam",
    "Entry",
    "Momentum",
    "Optimizer",
    "Recipe",
    "build",
    "entry",
    "named",
    "read_settings",
    "recipe",
    "recipes",
]
