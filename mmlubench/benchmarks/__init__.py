"""The benchmarks, one pytest module each; they run from any folder: `pytest --pyargs mmlubench.benchmarks -k mmlu`.

Each module uses only what mmlubench offers to everybody, so that a copy of it is a start for a benchmark of your own.
"""
