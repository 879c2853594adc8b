"""For the benchmarks' own tests."""

#: Runs in a worker only: it reads what a benchmark tells it.
collect_ignore = ["mark.py"]
