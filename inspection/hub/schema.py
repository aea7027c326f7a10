"""All tables of the hub in one place, for migrations and their tests."""

from __future__ import annotations

from inspection.hub.accounts.tables import (
    access_tokens,
    audit_entries,
    enrolment_codes,
    oidc_flows,
    sign_in_attempts,
    staff,
    stations,
)
from inspection.hub.bundles.gate_tables import exceptions as gate_exceptions
from inspection.hub.bundles.gate_tables import gates
from inspection.hub.bundles.tables import bundles
from inspection.hub.connectors.tables import attempts as connector_attempts
from inspection.hub.connectors.tables import deliveries as connector_deliveries
from inspection.hub.connectors.tables import destinations as connector_destinations
from inspection.hub.connectors.tables import references as connector_references
from inspection.hub.datasets.tables import members as dataset_members
from inspection.hub.datasets.tables import objects as dataset_objects
from inspection.hub.datasets.tables import versions as dataset_versions
from inspection.hub.drift.tables import alarms as drift_alarms
from inspection.hub.drift.tables import cursors as drift_cursors
from inspection.hub.drift.tables import observations as drift_observations
from inspection.hub.drift.tables import streams as drift_streams
from inspection.hub.epcis.subscriptions.tables import pending as epcis_pending
from inspection.hub.epcis.subscriptions.tables import subscriptions as epcis_subscriptions
from inspection.hub.epcis.tables import epcis_captures, epcis_events, epcis_master_data, epcis_names, epcis_queries
from inspection.hub.evidence.tables import checkpoints as evidence_checkpoints
from inspection.hub.evidence.tables import cosignatures as evidence_cosignatures
from inspection.hub.evidence.tables import entries as evidence_entries
from inspection.hub.evidence.tables import nodes as evidence_nodes
from inspection.hub.images.tables import image_keys, image_pieces, images
from inspection.hub.inspections.tables import inspection_images, inspections, station_clocks
from inspection.hub.items.tables import item_matches
from inspection.hub.people.tables import erasures, legal_holds
from inspection.hub.precheck.tables import cases as precheck_cases
from inspection.hub.precheck.tables import challenges as precheck_challenges
from inspection.hub.precheck.tables import decisions as precheck_decisions
from inspection.hub.precheck.tables import links as precheck_links
from inspection.hub.precheck.tables import objects as precheck_objects
from inspection.hub.precheck.tables import pictures as precheck_pictures
from inspection.hub.precheck.tables import pieces as precheck_pieces
from inspection.hub.precheck.tables import uploads as precheck_uploads
from inspection.hub.precheck.trust.tables import prints as precheck_prints
from inspection.hub.precheck.trust.tables import signals as precheck_signals
from inspection.hub.replay.tables import replay_items, replays
from inspection.hub.returns.tables import return_lines, returns
from inspection.hub.review.tables import accepted as review_accepted
from inspection.hub.review.tables import due as review_due
from inspection.hub.review.tables import goods as review_goods
from inspection.hub.review.tables import items as review_items
from inspection.hub.review.tables import labels as review_labels
from inspection.hub.review.tables import suspects as review_suspects
from inspection.hub.rollouts.tables import champions as rollout_champions
from inspection.hub.rollouts.tables import opinions as rollout_opinions
from inspection.hub.rollouts.tables import rollouts
from inspection.hub.rollouts.tables import standings as rollout_standings
from inspection.hub.rollouts.tables import steps as rollout_steps
from inspection.hub.stations.tables import station_status
from inspection.hub.tables import METADATA, events, merchants
from inspection.hub.training.tables import jobs as training_jobs
from inspection.hub.training.tables import points as training_points

__all__ = [
    "METADATA",
    "access_tokens",
    "audit_entries",
    "bundles",
    "connector_attempts",
    "connector_deliveries",
    "connector_destinations",
    "connector_references",
    "dataset_members",
    "dataset_objects",
    "dataset_versions",
    "drift_alarms",
    "drift_cursors",
    "drift_observations",
    "drift_streams",
    "enrolment_codes",
    "epcis_captures",
    "epcis_events",
    "epcis_master_data",
    "epcis_names",
    "epcis_pending",
    "epcis_queries",
    "epcis_subscriptions",
    "erasures",
    "events",
    "evidence_checkpoints",
    "evidence_cosignatures",
    "evidence_entries",
    "evidence_nodes",
    "gate_exceptions",
    "gates",
    "image_keys",
    "image_pieces",
    "images",
    "inspection_images",
    "inspections",
    "item_matches",
    "legal_holds",
    "merchants",
    "oidc_flows",
    "precheck_cases",
    "precheck_challenges",
    "precheck_decisions",
    "precheck_links",
    "precheck_objects",
    "precheck_pictures",
    "precheck_pieces",
    "precheck_prints",
    "precheck_signals",
    "precheck_uploads",
    "replay_items",
    "replays",
    "return_lines",
    "returns",
    "review_accepted",
    "review_due",
    "review_goods",
    "review_items",
    "review_labels",
    "review_suspects",
    "rollout_champions",
    "rollout_opinions",
    "rollout_standings",
    "rollout_steps",
    "rollouts",
    "sign_in_attempts",
    "staff",
    "station_clocks",
    "station_status",
    "stations",
    "training_jobs",
    "training_points",
]
