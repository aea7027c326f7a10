"""Words of the set-up page. Messages are English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.station.web.words import N_

ROLES: Mapping[str, str] = {
    "barcode": N_("Barcode scanner"),
    "rfid": N_("RFID reader"),
    "scale": N_("Scale"),
    "lamp": N_("Stack lamp"),
    "printer": N_("Label printer"),
}

TRIALS: Mapping[str, str] = {
    "test": N_("Trying %(about)s …"),
    "test_read": N_("Connected. Now scan, weigh or lay down a tag …"),
    "probe": N_("Asking what is at %(about)s … for a scanner: scan a code now."),
    "record": N_("Keeping what %(about)s says … use it until the bar is full."),
}

ANSWERS: Mapping[str, str] = {
    "test.good": N_("%(about)s works."),
    "test.silent": N_("%(about)s is connected, but nothing was read: scan, weigh or lay down a tag while it is tried."),
    "test.lost": N_("%(about)s does not answer: check cable, power, port and speed."),
    "test.failed": N_("%(about)s could not be tried."),
    "probe.good": N_("%(about)s answered: use it below."),
    "probe.nothing": N_("Nothing answered at %(about)s: check power and cable; for a scanner scan a code meanwhile."),
    "probe.failed": N_("%(about)s could not be asked: check cable and rights."),
    "record.kept": N_("Kept for support."),
    "record.failed": N_("Nothing was kept: free space on the disk."),
}

CHECKS: Mapping[str, str] = {
    "dns.good": N_("The name %(about)s is known."),
    "dns.unknown": N_("The name %(about)s is not found: check the network cable and this computer's DNS server."),
    "dns.unfit": N_("%(about)s is no address: correct hub.url in the configuration."),
    "connect.none": N_("No hub is configured: name one under hub.url in the configuration."),
    "connect.good": N_("%(about)s answers."),
    "connect.refused": N_("%(about)s refuses: start the hub, or correct the port in hub.url."),
    "connect.silent": N_("%(about)s does not answer: check cable, router and firewall."),
    "tls.none": N_("Not encrypted: use https where the network is not yours alone."),
    "tls.good": N_("The certificate is good for %(about)s days."),
    "tls.soon": N_("The certificate ends in %(about)s days: have the hub's administrator renew it."),
    "tls.expired": N_("The hub's certificate has expired: have the hub's administrator renew it."),
    "tls.clock": N_("The hub's certificate is not valid yet: check this computer's clock."),
    "tls.name": N_("The certificate is not made for %(about)s: correct hub.url in the configuration."),
    "tls.untrusted": N_("This computer does not trust the hub's certificate: install the certificate of its issuer."),
    "tls.failed": N_("%(about)s does not speak TLS: correct https or the port in hub.url."),
    "answer.good": N_("The hub answers."),
    "answer.none": N_("Nothing came back: check proxy and firewall."),
    "answer.other": N_("Something else answers there (%(about)s): correct hub.url in the configuration."),
    "clock.good": N_("The clocks differ by %(about)s s."),
    "clock.wrong": N_("This computer's clock is off by %(about)s s: switch its time synchronisation on."),
    "enrolment.good": N_("The hub knows this station."),
    "enrolment.none": N_("There is no token: enrol this station with a code from the hub."),
    "enrolment.refused": N_("The hub refuses this station's token: enrol this station again."),
    "queue.empty": N_("Nothing waits to be reported."),
    "queue.waiting": N_("%(about)s reports wait and are sent by themselves."),
    "queue.refused": N_("%(about)s reports were refused: press Send again on the station's page, or call support."),
}

STEPS: Mapping[str, str] = {
    "dns": N_("Name"),
    "connect": N_("Connection"),
    "tls": N_("Encryption"),
    "answer": N_("Hub"),
    "clock": N_("Clock"),
    "enrolment": N_("Enrolment"),
    "queue": N_("Reports"),
}

OUTCOMES: Mapping[str, str] = {
    "saved": N_("Saved."),
    "undone": N_("The last change is undone."),
    "printed": N_("The test label is out."),
    "pin": N_("The PIN is set."),
    "restarting": N_("The station starts again …"),
    "setup.locked": N_("Only a technician may do this: show a badge or type the PIN."),
    "setup.wrong_pin": N_("This is not the PIN."),
    "setup.too_many_tries": N_("Too many wrong PINs: wait a little, or show a technician's badge."),
    "setup.unfit_pin": N_("A PIN has 4 to 12 digits."),
    "setup.no_file": N_("This station was started without a configuration file: nothing can be changed."),
    "setup.changed_elsewhere": N_("The configuration was changed elsewhere: look again, then decide."),
    "setup.nothing_to_undo": N_("There is nothing to undo."),
    "setup.refused": N_("Not saved, the station could not start with it:"),
    "setup.trial_running": N_("Wait until the other trial has ended."),
    "setup.no_printer": N_("There is no label printer: add one."),
    "setup.not_printed": N_("The test label did not come out: look at labels, ribbon, lid and cable."),
    "config.invalid": N_("Not saved, the configuration cannot be used:"),
    "device.lost": N_("This camera gives no picture."),
    "camera.stale": N_("This camera gives no picture."),
    "request.unreachable": N_("The station does not answer."),
}
OTHERWISE = N_("That did not work:")
