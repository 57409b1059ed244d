"""Small inputs that once went wrong, as folders of NDJSON, and tests of what is right for them.

Every sub-folder is a case as `tidegauge replay` reads it; `python -m benchmarks cases` prints what comes out of each.
The fixture ``case`` in `conftest.py` gives tests access to the results.
"""
