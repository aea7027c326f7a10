"""Words of the Core Business Vocabulary 2.0 and the members that EPCIS 2.0 gives its events, in JSON.

Sources: GS1 CBV 2.0 (7.1 business steps, 7.2 dispositions, 7.3 transaction types, 7.4 source and destination types,
7.5 error reasons, 7.6 components), GS1 EPCIS 2.0 (7.4 event types), GS1 Web Vocabulary (measurement types).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

BIZ_STEPS = frozenset(
    [
        "accepting",
        "arriving",
        "assembling",
        "collecting",
        "commissioning",
        "consigning",
        "creating_class_instance",
        "cycle_counting",
        "decommissioning",
        "departing",
        "destroying",
        "disassembling",
        "dispensing",
        "encoding",
        "entering_exiting",
        "holding",
        "inspecting",
        "installing",
        "killing",
        "loading",
        "other",
        "packing",
        "picking",
        "receiving",
        "removing",
        "repackaging",
        "repairing",
        "replacing",
        "reserving",
        "retail_selling",
        "sampling",
        "sensor_reporting",
        "shipping",
        "staging_outbound",
        "stock_taking",
        "stocking",
        "storing",
        "transporting",
        "unloading",
        "unpacking",
        "void_shipping",
    ]
)
DISPOSITIONS = frozenset(
    [
        "active",
        "available",
        "completeness_inferred",
        "completeness_verified",
        "conformant",
        "container_closed",
        "container_open",
        "damaged",
        "destroyed",
        "dispensed",
        "disposed",
        "encoded",
        "expired",
        "in_progress",
        "in_transit",
        "inactive",
        "mismatch_class",
        "mismatch_instance",
        "mismatch_quantity",
        "needs_replacement",
        "no_pedigree_match",
        "non_conformant",
        "non_sellable_other",
        "partially_dispensed",
        "recalled",
        "reserved",
        "retail_sold",
        "returned",
        "sellable_accessible",
        "sellable_not_accessible",
        "stolen",
        "unavailable",
        "unknown",
    ]
)
TRANSACTION_TYPES = frozenset(
    [
        "bol",
        "cert",
        "desadv",
        "inv",
        "pedigree",
        "po",
        "poc",
        "prodorder",
        "recadv",
        "rma",
        "testprd",
        "testres",
        "upevt",
    ]
)
SOURCE_TYPES = frozenset({"location", "owning_party", "possessing_party"})
ERROR_REASONS = frozenset({"did_not_occur", "incorrect_data"})
COMPONENTS = frozenset(
    [
        "altitude",
        "axial_distance",
        "azimuth",
        "easting",
        "elevation_angle",
        "height",
        "latitude",
        "longitude",
        "northing",
        "polar_angle",
        "spherical_radius",
        "x",
        "y",
        "z",
    ]
)
ALERTS = frozenset({"ALARM_CONDITION", "ERROR_CONDITION"})
MEASUREMENTS = frozenset(
    [
        "AbsoluteHumidity",
        "AbsorbedDose",
        "AbsorbedDoseRate",
        "Acceleration",
        "Altitude",
        "AmountOfSubstance",
        "AmountOfSubstancePerUnitVolume",
        "Angle",
        "AngularAcceleration",
        "AngularMomentum",
        "AngularVelocity",
        "Area",
        "Capacitance",
        "Conductance",
        "Conductivity",
        "Count",
        "Density",
        "Dimensionless",
        "DoseEquivalent",
        "DoseEquivalentRate",
        "DynamicViscosity",
        "ElectricCharge",
        "ElectricCurrent",
        "ElectricCurrentDensity",
        "ElectricFieldStrength",
        "Energy",
        "Exposure",
        "Force",
        "Frequency",
        "Illuminance",
        "Inductance",
        "Irradiance",
        "KinematicViscosity",
        "Length",
        "LinearMomentum",
        "Luminance",
        "LuminousFlux",
        "LuminousIntensity",
        "MagneticFlux",
        "MagneticFluxDensity",
        "MagneticVectorPotential",
        "Mass",
        "MassConcentration",
        "MassFlowRate",
        "MassPerAreaTime",
        "MemoryCapacity",
        "MolalityOfSolute",
        "MolarEnergy",
        "MolarMass",
        "MolarVolume",
        "Power",
        "Pressure",
        "RadiantFlux",
        "RadiantIntensity",
        "Radioactivity",
        "RelativeHumidity",
        "Resistance",
        "Resistivity",
        "SolidAngle",
        "SpecificVolume",
        "Speed",
        "SurfaceDensity",
        "SurfaceTension",
        "Temperature",
        "Time",
        "Torque",
        "Voltage",
        "Volume",
        "VolumeFlowRate",
        "VolumeFraction",
        "VolumetricFlux",
        "Wavenumber",
    ]
)
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})

_COMMON = frozenset(
    [
        "@context",
        "type",
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "certificationInfo",
        "errorDeclaration",
    ]
)
_WHERE_AND_WHY = frozenset(
    [
        "bizStep",
        "disposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "sensorElementList",
    ]
)
EVENT_MEMBERS: Mapping[str, frozenset[str]] = {
    "ObjectEvent": _COMMON | _WHERE_AND_WHY | {"action", "epcList", "quantityList", "persistentDisposition", "ilmd"},
    "AggregationEvent": _COMMON | _WHERE_AND_WHY | {"action", "parentID", "childEPCs", "childQuantityList"},
    "AssociationEvent": _COMMON | _WHERE_AND_WHY | {"action", "parentID", "childEPCs", "childQuantityList"},
    "TransactionEvent": _COMMON | _WHERE_AND_WHY | {"action", "parentID", "epcList", "quantityList"},
    "TransformationEvent": _COMMON
    | _WHERE_AND_WHY
    | {"inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "transformationID"}
    | {"persistentDisposition", "ilmd"},
}
"""Members that each standard event type may have besides extensions."""

STANDARD_MEMBERS = frozenset().union(*EVENT_MEMBERS.values())

_URN_KINDS = {"bizstep": "BizStep", "disp": "Disp", "btt": "BTT", "sdt": "SDT", "er": "ER"}
_CBV_FORM = re.compile(
    r"\A(?:urn:epcglobal:cbv:(?P<urn>bizstep|disp|btt|sdt|er):"
    r"|https?://ref\.gs1\.org/cbv/(?P<web>BizStep|Disp|BTT|SDT|ER|Comp)-"
    r"|cbv:(?P<curie>BizStep|Disp|BTT|SDT|ER|Comp)-)(?P<word>.+)\Z"
)
_GS1_FORM = re.compile(r"\A(?:https?://(?:www\.)?gs1\.org/voc/|gs1:)(?P<word>.+)\Z")


@lru_cache(maxsize=4096)
def bare(term: str, kind: str) -> str:
    """The bare word that a term of the CBV stands for, whatever its form; any other term unchanged.

    Args:
        term: ``receiving``, ``urn:epcglobal:cbv:bizstep:receiving``, ``https://ref.gs1.org/cbv/BizStep-receiving``, …
        kind: ``BizStep``, ``Disp``, ``BTT``, ``SDT``, ``ER``, ``Comp``, or ``gs1`` for the Web Vocabulary.
    """
    if kind == "gs1":
        found = _GS1_FORM.match(term)
        return found["word"] if found else term
    found = _CBV_FORM.match(term)
    if found is None:
        return term
    named = _URN_KINDS[found["urn"]] if found["urn"] else found["web"] or found["curie"]
    return found["word"] if named == kind else term
