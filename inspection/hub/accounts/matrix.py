"""Who may do what: the one matrix of roles and permissions. Data; :mod:`inspection.hub.accounts.roles` applies it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here. A token, a session and a station's credential each stand for exactly one."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    QA_ENGINEER = "qa_engineer"
    INTEGRATOR = "integrator"
    AUDITOR = "auditor"
    ADMIN = "admin"
    STATION = "station"


class Permission(StrEnum):
    """What a route asks for. Every route but the open ones asks for exactly one; none is here in vain."""

    INSPECTIONS_READ = "inspections:read"
    INSPECTIONS_REPORT = "inspections:report"
    INSPECTIONS_CORRECT = "inspections:correct"
    PICTURES_READ = "pictures:read"
    PICTURES_STORE = "pictures:store"
    RETURNS_READ = "returns:read"
    RETURNS_IMPORT = "returns:import"
    ITEMS_READ = "items:read"
    ITEMS_MATCH = "items:match"
    PRECHECK_READ = "precheck:read"
    PRECHECK_SUMMARY = "precheck:summary"
    PRECHECK_INVITE = "precheck:invite"
    PRECHECK_DECIDE = "precheck:decide"
    EPCIS_READ = "epcis:read"
    EPCIS_CAPTURE = "epcis:capture"
    CONNECTORS_READ = "connectors:read"
    CONNECTORS_MANAGE = "connectors:manage"
    EVIDENCE_READ = "evidence:read"
    EVIDENCE_COSIGN = "evidence:cosign"
    PERSONS_EXPORT = "persons:export"
    PERSONS_ERASE = "persons:erase"
    RETENTION_READ = "retention:read"
    RETENTION_MANAGE = "retention:manage"
    STATS_READ = "stats:read"
    REVIEW_LABEL = "review:label"
    REVIEW_DECIDE = "review:decide"
    LABELS_READ = "labels:read"
    JOBS_MANAGE = "jobs:manage"
    AUDIT_READ = "audit:read"
    STAFF_READ = "staff:read"
    STAFF_MANAGE = "staff:manage"
    STATIONS_READ = "stations:read"
    STATIONS_MANAGE = "stations:manage"
    TOKENS_READ = "tokens:read"
    TOKENS_MANAGE = "tokens:manage"
    LINEAGE_READ = "lineage:read"
    DRIFT_READ = "drift:read"
    DRIFT_MANAGE = "drift:manage"
    REPLAY_READ = "replay:read"
    REPLAY_RUN = "replay:run"
    DATASETS_READ = "datasets:read"
    DATASETS_MAKE = "datasets:make"
    TRAINING_READ = "training:read"
    TRAINING_RUN = "training:run"
    BUNDLES_READ = "bundles:read"
    BUNDLES_PUBLISH = "bundles:publish"
    GATES_RUN = "gates:run"
    GATES_EXCEPT = "gates:except"
    ROLLOUTS_READ = "rollouts:read"
    ROLLOUTS_MANAGE = "rollouts:manage"
    SELF = "self"
    BADGE_SIGN_IN = "badge:sign_in"
    CREDENTIAL_ROTATE = "credential:rotate"


P = Permission
OPERATOR = frozenset(
    {P.SELF, P.INSPECTIONS_READ, P.PICTURES_READ, P.RETURNS_READ, P.ITEMS_READ, P.STATS_READ}
    | {P.PRECHECK_READ, P.PRECHECK_SUMMARY}
)
SUPERVISOR = (
    OPERATOR
    | {P.INSPECTIONS_CORRECT, P.ITEMS_MATCH, P.STATIONS_READ, P.REVIEW_LABEL}
    | {
        P.PRECHECK_INVITE,
        P.PRECHECK_DECIDE,
    }
)
QUALITY_READ = frozenset({P.LINEAGE_READ, P.REPLAY_READ, P.DRIFT_READ, P.DATASETS_READ, P.TRAINING_READ})
"""To see where verdicts come from and how the model fares."""
QUALITY = QUALITY_READ | {P.REPLAY_RUN, P.DRIFT_MANAGE, P.DATASETS_MAKE, P.TRAINING_RUN}
ASKED_AT_STATIONS = frozenset({P.INSPECTIONS_CORRECT})
"""What no route asks for: a station looks for it among the permissions of whoever signs in with a badge, and lets who
has it agree to what a worker decided."""
REVIEW = frozenset({P.REVIEW_DECIDE, P.LABELS_READ})
"""To decide between people who label, and to read what counts."""
STATION_ONLY = frozenset({P.BADGE_SIGN_IN, P.CREDENTIAL_ROTATE})
"""What only the device at a work place does; no person, whatever their role."""

MATRIX: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: OPERATOR,
    Role.SUPERVISOR: SUPERVISOR,
    Role.QA_ENGINEER: SUPERVISOR
    | REVIEW
    | QUALITY
    | {P.EVIDENCE_READ, P.BUNDLES_READ, P.BUNDLES_PUBLISH}
    | {P.GATES_RUN, P.GATES_EXCEPT}
    | {P.ROLLOUTS_READ, P.ROLLOUTS_MANAGE},
    Role.INTEGRATOR: OPERATOR
    | {P.RETURNS_IMPORT, P.ITEMS_MATCH, P.EPCIS_READ, P.EPCIS_CAPTURE, P.CONNECTORS_READ, P.CONNECTORS_MANAGE}
    | {P.EVIDENCE_READ, P.EVIDENCE_COSIGN, P.STATIONS_READ, P.PRECHECK_INVITE}
    | {P.BUNDLES_READ, P.BUNDLES_PUBLISH},
    Role.AUDITOR: OPERATOR
    | {P.EPCIS_READ, P.CONNECTORS_READ, P.EVIDENCE_READ, P.RETENTION_READ, P.LABELS_READ}
    | QUALITY_READ
    | {P.AUDIT_READ, P.STAFF_READ, P.STATIONS_READ, P.TOKENS_READ, P.BUNDLES_READ, P.ROLLOUTS_READ},
    Role.ADMIN: frozenset(Permission) - STATION_ONLY,
    Role.STATION: STATION_ONLY
    | {P.INSPECTIONS_READ, P.INSPECTIONS_REPORT, P.PICTURES_READ, P.PICTURES_STORE, P.RETURNS_READ, P.ITEMS_READ}
    | {P.PRECHECK_SUMMARY, P.STATS_READ, P.BUNDLES_READ},
}
"""The written matrix: what each role may do. What is not named here, nobody of that role may do."""


WATCHED = frozenset(
    {P.CONNECTORS_MANAGE, P.EVIDENCE_COSIGN, P.PERSONS_EXPORT, P.PERSONS_ERASE}
    | {P.RETENTION_MANAGE, P.JOBS_MANAGE, P.AUDIT_READ, P.DATASETS_MAKE, P.TRAINING_RUN}
)
"""Privileged acts that the guard of routes enters into the audit trail, before they begin."""
WATCHED_WITHIN = frozenset(
    {P.STAFF_MANAGE, P.STATIONS_MANAGE, P.TOKENS_MANAGE, P.CREDENTIAL_ROTATE, P.BADGE_SIGN_IN}
    | {P.GATES_RUN, P.GATES_EXCEPT}
    | {P.BUNDLES_PUBLISH, P.ROLLOUTS_MANAGE}
)
"""Privileged acts that are entered by what does them, in the same transaction."""


def may(role: Role, permission: Permission) -> bool:
    """Whether ``role`` has ``permission``."""
    return permission in MATRIX[role]
