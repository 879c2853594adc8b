"""Celery's own keys, a module for each kind of host: ``base`` for all, the others on top of it.

What depends on the installation (queue, region, times) comes from ``RUGBYTX_*``
and AWS's own settings, never from here.
"""
