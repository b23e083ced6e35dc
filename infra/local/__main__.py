"""``python -m infra.local``: serve the store on this machine."""

from __future__ import annotations

import argparse
import os
import sys

from chalicelib.configuration_file import SettingsError
from chalicelib.settings import Settings
from infra.local.stack import CannotStart, run

_EPILOG = """
settings (environment; docs/configuration.md has them all):
  NACRE_HTTP_PORT   port of the API (8042)
  NACRE_DICOM_PORT  port of the DICOM listener (4242)
  NACRE_DATA        where the data is kept (./data)
  NACRE_CONFIG      a configuration file; Orthanc's own load as they are
"""


def main() -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.local",
        description="Serve the store on this machine, its data on disk, until Ctrl-C or SIGTERM.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    try:
        settings = Settings.load(os.environ)
        for notice in settings.notices:
            sys.stderr.write(f"Notice: {notice}\n")
        run(settings, _say)
    except (SettingsError, CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
