"""The demo: a year of real orders with a simulated and so labelled supply side, and what the engine made of it."""
