"""The engine of magerewind: everything but the screens. Importing it loads nothing heavy."""

__version__ = "0.1.0"
