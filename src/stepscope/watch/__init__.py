"""Follow a run while it trains: where its text comes from, what it comes to, and how that is shown.

``follow``, ``pipe`` and ``child`` bring bytes, ``state`` turns records into what there is to show and reads no clock,
``view`` lays it out with rich, and ``screen`` puts it on a terminal. Only ``view`` and ``screen`` import rich.
"""
