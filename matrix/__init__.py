"""Runs of every listed version of every library: ``nox -s matrix``.

``versions.toml`` lists the versions and how to install each.
``python -m matrix`` makes an environment for each, runs each variant in it, records what was printed in
``recordings/LIBRARY/VERSION/VARIANT.txt``, and checks the reader of logs on it.
``python -m matrix.LIBRARY VARIANT`` is the training itself, with whichever version is installed.
"""
