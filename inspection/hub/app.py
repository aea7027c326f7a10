"""The hub's HTTP application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from inspection import __version__
from inspection.hub import operations, problems
from inspection.hub.accounts import routes as account_routes
from inspection.hub.accounts.oidc import Provider
from inspection.hub.accounts.walk import guarded
from inspection.hub.bundles import gate_routes
from inspection.hub.bundles import page_routes as bundle_pages
from inspection.hub.bundles import routes as bundle_routes
from inspection.hub.connectors import routes as connector_routes
from inspection.hub.connectors.schemas import References, Replay
from inspection.hub.console import administration as console_administration
from inspection.hub.console import floor as console_floor
from inspection.hub.console import prechecks as console_prechecks
from inspection.hub.console import routes as console_routes
from inspection.hub.console.shell import Shell
from inspection.hub.datasets import console as dataset_pages
from inspection.hub.datasets import routes as dataset_routes
from inspection.hub.drift import page_routes as drift_pages
from inspection.hub.drift import routes as drift_routes
from inspection.hub.envelope import Envelope
from inspection.hub.epcis import routes as epcis_routes
from inspection.hub.evidence import routes as evidence_routes
from inspection.hub.hub import Hub
from inspection.hub.images import routes as image_routes
from inspection.hub.inspections import batch as batch_routes
from inspection.hub.inspections import routes as inspection_routes
from inspection.hub.inspections.gathering import Gathering
from inspection.hub.items import routes as item_routes
from inspection.hub.items.schemas import NewMatch
from inspection.hub.jobs import routes as job_routes
from inspection.hub.lineage import routes as lineage_routes
from inspection.hub.people import routes as people_routes
from inspection.hub.precheck import routes as precheck_routes
from inspection.hub.precheck.desk import Desk
from inspection.hub.precheck.page import routes as customer_routes
from inspection.hub.precheck.schemas import NewCase, NewDecision
from inspection.hub.replay import page_routes as replay_pages
from inspection.hub.replay import routes as replay_routes
from inspection.hub.replay.schemas import NewReplay
from inspection.hub.returns import routes as return_routes
from inspection.hub.returns.schemas import NewReturn
from inspection.hub.review import console as review_console
from inspection.hub.review import routes as review_routes
from inspection.hub.rollouts import page_routes as rollout_pages
from inspection.hub.rollouts import routes as rollout_routes
from inspection.hub.stations import routes as station_routes
from inspection.hub.training import console as training_pages
from inspection.hub.training import routes as training_routes
from inspection.report import InspectionReport


def build_app(hub: Hub) -> FastAPI:
    """The application that serves ``hub``. Its description is at ``/openapi.json``."""
    app = routed()
    app.state.hub = hub
    app.state.shell = Shell()
    app.state.gathering = Gathering(hub)
    app.state.precheck = Desk(hub)
    app.state.oidc = _provider(hub)
    app.add_middleware(Envelope, metrics=hub.metrics)
    return app


def routed() -> FastAPI:
    """The application with all its routes and nothing behind them, for who only reads what they are."""
    app = FastAPI(
        title="Returns hub",
        version=__version__,
        summary="Takes in what inspection stations report and stands for it.",
        docs_url=None,  # both fetch their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    for routes in (inspection_routes, batch_routes, item_routes, image_routes, return_routes, epcis_routes, operations):
        app.include_router(routes.router)
    app.include_router(evidence_routes.router)
    app.include_router(connector_routes.router)
    app.include_router(job_routes.router)
    app.include_router(bundle_routes.router)
    app.include_router(gate_routes.router)
    app.include_router(bundle_pages.router)
    app.include_router(people_routes.router)
    app.include_router(precheck_routes.router)
    app.include_router(customer_routes.router)
    app.include_router(station_routes.router)
    app.include_router(rollout_routes.router)
    app.include_router(review_routes.router)
    app.include_router(dataset_routes.router)
    app.include_router(training_routes.router)
    app.include_router(account_routes.router)
    app.include_router(console_routes.router)
    app.include_router(console_administration.router)
    app.include_router(dataset_pages.router)
    app.include_router(training_pages.router)
    app.include_router(console_floor.router)
    app.include_router(console_prechecks.router)
    app.include_router(console_prechecks.agreement_router)
    app.include_router(review_console.router)
    app.include_router(lineage_routes.router)
    app.include_router(lineage_routes.pages)
    app.include_router(drift_routes.router)
    app.include_router(drift_pages.router)
    app.include_router(replay_routes.router)
    app.include_router(replay_pages.router)
    app.include_router(rollout_pages.router)
    problems.install(app)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]
    return app


def _provider(hub: Hub) -> Provider | None:
    access = hub.config.access
    if access.oidc is None:
        return None
    return Provider(access.oidc, f"{access.public_url}/console/oidc/callback")


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the schemas of bodies that routes read themselves and of problems."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        models = [
            (InspectionReport, "validation"),
            (NewReturn, "validation"),
            (NewMatch, "validation"),
            (NewCase, "validation"),
            (NewDecision, "validation"),
            (Replay, "validation"),
            (References, "validation"),
            (NewReplay, "validation"),
            (problems.ProblemDetails, "validation"),
            *((each, "validation") for each in gate_routes.BODIES),
            *((each, "validation") for each in (*account_routes.BODIES, *people_routes.BODIES, *station_routes.BODIES)),
            *((each, "validation") for each in review_routes.BODIES),
            *((each, "validation") for each in rollout_routes.BODIES),
            *((each, "validation") for each in (*dataset_routes.BODIES, *training_routes.BODIES)),
        ]
        template = "#/components/schemas/{model}"
        _, definitions = models_json_schema(models, ref_template=template)  # type: ignore[arg-type]
        document["components"]["schemas"] |= definitions["$defs"]
        for operation in guarded(document):
            for status, response in problems.documented(*account_routes.GUARD).items():
                operation["responses"].setdefault(str(status), response)
        app.openapi_schema = document
    return app.openapi_schema
