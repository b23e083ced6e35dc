"""The listener: ``python -m dicom_listener``."""

from __future__ import annotations

import sys

from dicom_listener.container import (
    main,
)  # what a new process begins with cannot lie in `__main__` of a package

if __name__ == "__main__":
    sys.exit(main())
