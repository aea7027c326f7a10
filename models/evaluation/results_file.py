"""Results that survive a kill: every photograph's is written as it is there, and a run that was cut goes on from it.

``<out>.part`` holds a line with what the results depend on and a line of JSON a result; at the end it becomes the CSV.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspection.errors import ConfigError
from inspection.finding import Condition, Defect
from inspection.verdict import Disposition
from models.evaluation.photographs import Opinion, Photograph, Result, write_results

FORMAT = "returns-results 1"


def judged_to_file(
    path: Path,
    photographs: Sequence[Photograph],
    versions: Mapping[str, str],
    judge: Callable[[Photograph], Result],
    *,
    compared: bool,
    done: Callable[[int], None] = lambda _: None,
) -> list[Result]:
    """Judge what was not judged yet, and write the CSV ``path``; ``done`` hears how many are done.

    Args:
        versions: what results depend on beside the photographs; a cut run of others is begun again.

    Raises:
        ConfigError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    key = _key(photographs, versions)
    try:
        results = list(_known(part, key, photographs))
        done(len(results))
        with part.open("r+b" if results else "wb") as stream:
            if results:
                stream.truncate(_length(part, len(results)))
                stream.seek(0, os.SEEK_END)
            else:
                stream.write(key + b"\n")
            for photograph in photographs[len(results) :]:
                results.append(judge(photograph))
                stream.write(json.dumps(_plain(results[-1])).encode() + b"\n")
                stream.flush()
                done(len(results))
    except OSError as error:
        raise ConfigError(f"{part}: {error.strerror}", hint="name a file that can be written with --out") from error
    write_results(path, results, compared=compared)
    part.unlink(missing_ok=True)
    return results


def _key(photographs: Sequence[Photograph], versions: Mapping[str, str]) -> bytes:
    rows = json.dumps([dict(photograph.labels) for photograph in photographs], sort_keys=True).encode()
    return json.dumps([FORMAT, hashlib.sha256(rows).hexdigest(), sorted(versions.items())]).encode()


def _known(part: Path, key: bytes, photographs: Sequence[Photograph]) -> Iterator[Result]:
    """The whole lines at the start of ``part`` that are results of these photographs."""
    if not part.is_file():
        return
    with part.open("rb") as stream:
        if stream.readline() != key + b"\n":
            return
        for photograph, line in zip(photographs, stream, strict=False):
            if not line.endswith(b"\n"):
                return
            try:
                yield _result(photograph, json.loads(line))
            except (ValueError, KeyError, TypeError):
                return


def _length(part: Path, results: int) -> int:
    with part.open("rb") as stream:
        return sum(len(stream.readline()) for _ in range(1 + results))


def _plain(result: Result) -> dict[str, Any]:
    found = result.opinion
    opinion = (
        None
        if found is None
        else {
            "p_condition": dict(found.p_condition),
            "p_defect": dict(found.p_defect),
            "novelty": found.novelty,
            "reference": None if found.reference_score is None else [found.reference_score, found.reference_anomalous],
        }
    )
    return {
        "file": result.photograph.file,
        "opinion": opinion,
        "decision": result.decision,
        "confirm": result.confirm,
        "reason": result.reason,
        "ms": result.ms,
    }


def _result(photograph: Photograph, plain: dict[str, Any]) -> Result:
    if plain["file"] != photograph.file:
        raise ValueError("a result of another file")
    found, opinion = plain["opinion"], None
    if found is not None:
        score, anomalous = found["reference"] or (None, None)
        opinion = Opinion(
            {Condition(name): p for name, p in found["p_condition"].items()},
            {Defect(name): p for name, p in found["p_defect"].items()},
            found["novelty"],
            score,
            anomalous,
        )
    return Result(
        photograph, opinion, Disposition(plain["decision"]), plain["confirm"], plain["reason"], float(plain["ms"])
    )
