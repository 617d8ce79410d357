"""Every listed version of every library, run for real: ``nox -s matrix``.

``versions.toml`` lists the versions and what it takes to install each.
``python -m matrix`` makes an environment for each, runs each variant in it, keeps what was printed in
``recordings/LIBRARY/VERSION/VARIANT.txt``, and checks the reader of logs on it.
``python -m matrix.LIBRARY VARIANT`` is the training itself, with whichever version is installed.
"""
