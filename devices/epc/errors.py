"""What can be wrong with an EPC, with a stable code for each kind of mistake."""

from __future__ import annotations

from inspection.errors import IdentityError


class EpcError(IdentityError):
    """An EPC breaks the GS1 Tag Data Standard, or cannot be written in the form that is asked for.

    ``code`` is one of

    - ``epc.syntax``: neither hex, URN nor Digital Link of an EPC;
    - ``epc.length``: more or fewer bits than the header promises;
    - ``epc.partition``, ``epc.digits``: a partition that does not exist, or a number too large for its digits;
    - ``epc.serial``, ``epc.characters``: a serial number that the scheme, or the coding, does not allow;
    - ``epc.padding``: bits after the end that are not zero;
    - ``epc.filter``: no filter value from 0 to 7;
    - ``epc.company_prefix``: a company prefix, or a length of one, that the number cannot have;
    - ``epc.scheme``: a scheme that this package does not know.
    """

    def __init__(self, kind: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = f"epc.{kind}"
