"""Record what each library prints: ``python -m stepscope.recordings [LIBRARY ...]``."""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from pathlib import Path

from stepscope._common.optional import install_command
from stepscope.logs import BY_KEY
from stepscope.recordings import VARIANTS, make_recording, write_recording
from stepscope.train import LIBRARIES


def main() -> int:
    """Record the named libraries, or all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m stepscope.recordings", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "libraries", nargs="*", metavar="LIBRARY", help=f"some of {', '.join(LIBRARIES)}; default: all"
    )
    parser.add_argument(
        "--into", type=Path, default=Path("recordings"), help="folder to write to (default: %(default)s)"
    )
    options = parser.parse_args()
    for library in options.libraries or VARIANTS:
        if library not in VARIANTS:
            parser.error(f"{library!r} is not one of {', '.join(LIBRARIES)}")
        try:
            metadata.version(BY_KEY[library].distribution)
        except metadata.PackageNotFoundError:
            parser.error(
                f"{BY_KEY[library].distribution} is not installed; install it with {install_command('examples')}"
            )
        for variant in VARIANTS[library]:
            text, recording = make_recording(library, variant)
            if recording.exit_code != 0 and variant != "diverged":
                sys.stderr.write(text.decode(errors="replace"))
                sys.stderr.write(
                    f"{recording.command} ended with exit status {recording.exit_code}; nothing recorded.\n"
                )
                return 1
            path = write_recording(text, recording, into=options.into)
            sys.stdout.write(f"{path}  {len(text)} bytes in {recording.seconds} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
