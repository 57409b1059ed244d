"""The demo's own promises."""
