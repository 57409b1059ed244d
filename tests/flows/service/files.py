"""Files of settings for tests."""

from pathlib import Path


def config(folder: Path, text: str) -> Path:
    """A TOML file with a text."""
    file = folder / "engine.toml"
    file.write_text(text)
    return file
