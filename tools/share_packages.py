"""Let another virtual environment see the packages of the one that runs this.

    python tools/share_packages.py OTHER_ENVIRONMENT

Packages that the other environment has itself win.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path


def main() -> None:
    """Write the path file."""
    other = Path(sys.argv[1])
    packages = Path(sysconfig.get_path("purelib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = other / "lib" / version / "site-packages" / "shared_packages.pth"
    # addsitedir also reads the path files there, such as the one of the editable install.
    target.write_text(f"import site; site.addsitedir({str(packages)!r})\n", encoding="utf-8")


if __name__ == "__main__":
    main()
