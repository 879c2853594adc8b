"""The pure core: values and decisions, without a clock, luck or I/O.

Worker, autoscaler and simulator are three shells round these functions, so
what one of them measures is what the others do.
"""
