"""Follow a run while it trains.

``follow``, ``pipe`` and ``child`` bring bytes, ``monitor`` turns records into a view model and reads no clock, ``view``
lays that out with rich, and ``screen`` puts it on a terminal. Only these two and their widgets and charts import rich.
"""
