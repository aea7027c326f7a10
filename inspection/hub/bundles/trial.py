"""``python -m inspection.hub.bundles.trial FOLDER``: runs what was sent in, in a process that may die of it.

A graph may ask for more memory than there is, an archive of arrays may grow without end; whoever starts this survives
it. Prints a line of JSON: ``{"banks_of": …}`` for reference banks, ``{}`` otherwise, or ``{"refused": …, "hint": …}``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspection.errors import BundleError, InspectionError
from inspection.hub.bundles.identity import Kind, kind_of

ROOT = Path(__file__).resolve().parents[3]
MEMORY_BYTES = 8 << 30
MAX_SAID = 100_000
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")


def tried(folder: Path, seconds: float, environment: dict[str, str]) -> dict[str, Any]:
    """What a run of ``folder`` in a process of its own says: ``banks_of`` for reference banks.

    Args:
        folder: of what is to be run; nobody else writes to it.
        seconds: how long it may take.
        environment: of the asker; none of its secrets is handed on.

    Raises:
        BundleError: it does not reproduce its samples, is damaged, takes too long or kills the process.
    """
    command = [sys.executable, "-m", "inspection.hub.bundles.trial", str(folder)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=harmless(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"its samples took longer than {seconds:g} s", hint="see bundles.check_s") from None
    except OSError as error:
        raise BundleError(f"nothing can be started here to try it: {error.strerror}") from error
    try:
        said = json.loads(done.stdout[-MAX_SAID:])
    except ValueError:
        raise BundleError(f"it ended the process that tried it (status {done.returncode})") from None
    if "refused" in said:
        raise BundleError(str(said["refused"])[:2000], hint=str(said.get("hint", ""))[:500])
    return dict(said)


def harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment a process needs that runs what was sent in: none of the hub's secrets."""
    return {name: environment[name] for name in _KEPT_VARIABLES if name in environment}


def try_out(folder: Path) -> dict[str, Any]:
    """Run what lies in ``folder``: a bundle judges its samples, banks are read, a policy is loaded.

    Raises:
        InspectionError: it does not do what it should.
    """
    kind = kind_of(folder)
    if kind is Kind.BUNDLE:
        from models.runtime import Judge  # noqa: PLC0415 - starts ONNX Runtime

        Judge.load(folder, threads=1)
    if kind is not Kind.REFERENCES:
        return {}
    from models.reference_file import ENDING, read_bank  # noqa: PLC0415

    banks = {path.name: read_bank(path) for path in sorted(folder.rglob(f"*{ENDING}"))}
    of = sorted({bank.bundle_id for bank in banks.values()})
    if len(of) != 1:
        raise BundleError(f"the banks are of several bundles: {', '.join(of)}", hint="publish those of one at a time")
    return {"banks_of": of[0]}


def main(folder: Path) -> None:
    """Confine this process, try, and tell."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        said = try_out(folder)
    except InspectionError as error:
        said = {"refused": str(error).replace(f"{folder}/", "").replace(str(folder), "it"), "hint": error.hint}
    except MemoryError:
        said = {"refused": "it asks for more memory than it may have"}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
