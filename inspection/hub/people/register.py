"""What of the hub's data is about a person: the one list, with why it is there, how long, and how it is erased.

Everything that can hold free text or points to a person is named here; a test reads every table and fails for a column
that can hold text and is in neither list. Sources: GDPR articles 5, 15, 17, 30; PIPL articles 6, 19, 44-47.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """Whose data it is."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Ending(StrEnum):
    """What becomes of it when it is erased.

    ``SHREDDED``: its key is destroyed, with every copy. ``REMOVED``: the value is overwritten. ``UNLINKED``: it stays,
    and nothing here tells any more whose it was. ``DISABLED``: the account ends, its name is overwritten.
    """

    SHREDDED = "shredded"
    REMOVED = "removed"
    UNLINKED = "unlinked"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Personal:
    """One kind of personal data.

    Attributes:
        what: in words.
        subject: whose it is.
        why: what it is needed for.
        ending: what erasing does.
    """

    what: str
    subject: Subject
    why: str
    ending: Ending


PERSONAL: Mapping[str, Personal] = {
    "images": Personal("pictures of the item; may show a hand or an address label", Subject.CUSTOMER,
                       "what the verdict stands on", Ending.SHREDDED),
    "image_pieces.data": Personal("the beginning of a picture on its way", Subject.CUSTOMER,
                                  "uploads that go on; a day at most", Ending.REMOVED),
    "returns.order_ref": Personal("number of the customer's order in the shop", Subject.CUSTOMER,
                                  "finding the case; the only link to who the customer is", Ending.REMOVED),
    "returns.rma": Personal("number of the case", Subject.CUSTOMER,
                            "names the case to shop and warehouse", Ending.UNLINKED),
    "inspections.rma": Personal("number of the case", Subject.CUSTOMER, "whose item it was", Ending.UNLINKED),
    "inspections.report": Personal("who confirmed the verdict, by the name the station knows", Subject.STAFF,
                                   "who decided, in a dispute", Ending.UNLINKED),
    "item_matches.reason": Personal("what a person wrote about an item", Subject.CUSTOMER,
                                    "why an item was matched", Ending.REMOVED),
    "legal_holds.reason": Personal("why a case must be kept", Subject.CUSTOMER, "a dispute", Ending.REMOVED),
    "erasures.reason": Personal("why a case was erased", Subject.CUSTOMER, "proof that it was", Ending.REMOVED),
    "connector_attempts.response": Personal("beginning of what a shop or ERP answered", Subject.CUSTOMER,
                                            "finding out why a delivery failed", Ending.REMOVED),
    "precheck_objects": Personal("photographs and videos that the customer took; may show a home or a face",
                                 Subject.CUSTOMER, "the answer before the parcel travels, and a dispute about it",
                                 Ending.SHREDDED),
    "precheck_pieces.data": Personal("the beginning of a customer's file on its way", Subject.CUSTOMER,
                                     "uploads that go on; a day at most", Ending.REMOVED),
    "precheck_cases.rma": Personal("number of the case", Subject.CUSTOMER, "whose pre-check it is", Ending.UNLINKED),
    "precheck_cases.problem": Personal("what the customer wrote about the problem", Subject.CUSTOMER,
                                       "what a person reads before they answer", Ending.REMOVED),
    "precheck_cases.language": Personal("language the customer chose", Subject.CUSTOMER,
                                        "answers in that language", Ending.REMOVED),
    "precheck_cases.email": Personal("e-mail address of the customer", Subject.CUSTOMER,
                                     "telling them what becomes of the case", Ending.REMOVED),
    "precheck_cases.check_hmac": Personal("keyed hash of what opens the case, e.g. of a postcode", Subject.CUSTOMER,
                                          "finding the case without its link", Ending.REMOVED),
    "precheck_uploads.told": Personal("what a file said of itself: camera, time, whether it named a place",
                                      Subject.CUSTOMER, "a dispute about the picture", Ending.REMOVED),
    "precheck_uploads.sha256": Personal("hash of the file", Subject.CUSTOMER, "a dispute", Ending.REMOVED),
    "precheck_uploads.mark": Personal("hash of some of a file, by which the sender finds it again when it was cut off",
                                      Subject.CUSTOMER, "uploads that go on; a day at most", Ending.REMOVED),
    "precheck_uploads.place_hmac": Personal("keyed hash of the sender's network address", Subject.CUSTOMER,
                                            "limits on floods; a day at most", Ending.REMOVED),
    "precheck_decisions.note": Personal("what a person wrote to the customer", Subject.CUSTOMER,
                                        "the answer to the customer", Ending.REMOVED),
    "precheck_decisions.staff_id": Personal("who decided", Subject.STAFF, "who decided, in a dispute",
                                            Ending.UNLINKED),
    "precheck_prints": Personal("what finds a customer's picture again; the picture cannot be made from it",
                                Subject.CUSTOMER, "pictures that are used again", Ending.REMOVED),
    "precheck_signals": Personal("what a person may weigh, e.g. that a picture was seen in another case",
                                 Subject.CUSTOMER, "a fair decision by a person", Ending.REMOVED),
    "review_items": Personal("pictures that people label, with the number of the case and what was said of them",
                             Subject.CUSTOMER, "labels that a model learns from", Ending.REMOVED),
    "review_labels.labeller": Personal("who labelled a picture", Subject.STAFF,
                                       "agreement of people, and who said what a model learned", Ending.UNLINKED),
    "review_accepted.labellers": Personal("who labelled a picture", Subject.STAFF,
                                          "who said what a model learned", Ending.UNLINKED),
    "review_suspects.decided_by": Personal("who looked at a doubted label", Subject.STAFF,
                                           "who said what a model learned", Ending.UNLINKED),
    "drift_alarms.closed_by": Personal("who took a change as the new normal", Subject.STAFF,
                                       "whose decision it was", Ending.UNLINKED),
    "replays.asked_by": Personal("who asked", Subject.STAFF, "whose question it was", Ending.UNLINKED),
    "staff.name": Personal("name of a member of staff", Subject.STAFF, "signing in, who decided", Ending.DISABLED),
    "staff.login": Personal("login of a member of staff", Subject.STAFF, "signing in", Ending.DISABLED),
    "staff.oidc_email": Personal("address at the identity provider", Subject.STAFF, "signing in", Ending.DISABLED),
    "staff.oidc_subject": Personal("id at the identity provider", Subject.STAFF, "signing in", Ending.DISABLED),
    "dataset_versions.made_by": Personal("who made a data version", Subject.STAFF, "who chose what a model learned",
                                         Ending.UNLINKED),
    "training_jobs.asked_by": Personal("who asked for a training", Subject.STAFF, "who had a model made",
                                       Ending.UNLINKED),
    "bundles.published_by": Personal("who published it", Subject.STAFF, "who brought a model to the stations",
                                     Ending.UNLINKED),
    "gates.asked_by": Personal("who sent a bundle through the gate", Subject.STAFF,
                               "who brought a model to the stations", Ending.UNLINKED),
    "gate_exceptions": Personal("who asked for an exception and who granted it, and why", Subject.STAFF,
                                "who let a model run that had failed", Ending.UNLINKED),
    "bundles.withdrawn_by": Personal("who withdrew it", Subject.STAFF, "who took a model from the stations",
                                     Ending.UNLINKED),
    "rollouts.forced_by": Personal("who excepted it from the gate", Subject.STAFF, "who let a model begin",
                                   Ending.UNLINKED),
    "rollout_steps.by": Personal("who did it", Subject.STAFF, "who brought a model to the stations", Ending.UNLINKED),
    "audit_entries.source": Personal("network address", Subject.STAFF, "who did what, from where", Ending.UNLINKED),
    "access_tokens.source": Personal("network address", Subject.STAFF, "one's own sessions", Ending.UNLINKED),
}  # fmt: skip
"""By table, or table and column."""


def is_personal(table: str, column: str) -> bool:
    """Whether a column is in the list, by itself or with its table."""
    return table in PERSONAL or f"{table}.{column}" in PERSONAL
