"""Driver of stack lamps on Modbus TCP: shows what it is told, reads back whether it does, finds a lost lamp again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import closing, suppress

import structlog
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from devices.announcer import Announcer
from devices.backoff import Backoff
from devices.base import DeviceStatus, Emit
from devices.lamp.signals import DARK, FIRST_REGISTER, REGISTERS, Meaning, Signal, as_read, to_write, words
from inspection.errors import DeviceError, DeviceLost

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.8
LOOK_S = 0.5
JOIN_S = 5.0


class StackLamp:
    """A `devices.base.Device` that shows things. Connected while it shows what it was told; it begins dark.

    The lamp is read every half second: one that was switched off and on again is told anew.

    Args:
        host, port: where the lamp listens.
        unit: its Modbus device number.
        signals: how each meaning is shown; a meaning without signal is dark.
    """

    def __init__(
        self, device_id: str, host: str, signals: Mapping[Meaning, Signal], *, port: int = 502, unit: int = 1
    ) -> None:
        self._device_id = device_id
        self._host, self._port, self._unit = host, port, unit
        self._signals = dict(signals)
        self._announcer = Announcer(device_id, "lamp")
        self._changed = threading.Condition()
        self._wanted = DARK
        self._shown: tuple[int, ...] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def device_id(self) -> str:
        return self._device_id

    @property
    def status(self) -> DeviceStatus:
        return self._announcer.status

    @property
    def shown(self) -> tuple[int, ...] | None:
        """State of the five tiers and the buzzer as last read from the lamp; ``None`` while it is lost."""
        return self._shown

    def start(self, emit: Emit) -> None:
        self._announcer.start(emit)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"{self._device_id}-lamp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make the lamp dark, as nobody looks after it any more, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)
            if thread.is_alive():
                log.error("lamp.thread_hangs", device=self._device_id)
        self._announcer.stop()

    def show(self, meaning: Meaning) -> None:
        """Show this from now on, also after the lamp was lost and came back; returns at once."""
        with self._changed:
            self._wanted = self._signals.get(meaning, DARK)
            self._changed.notify_all()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping:
            try:
                self._serve(backoff)
            except (DeviceError, ModbusException, OSError) as error:
                self._announcer.lost(_reason(error))
            except Exception as error:  # a fault in the driver is shown like a lost device, never silent
                log.exception("device.driver_fault", device=self._device_id)
                self._announcer.lost(f"driver fault: {type(error).__name__}: {error}")
            self._shown = None
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, backoff.next_s())

    def _serve(self, backoff: Backoff) -> None:
        client = ModbusTcpClient(self._host, port=self._port, timeout=TIMEOUT_S, retries=0)
        with closing(client):
            if not client.connect():  # type: ignore[no-untyped-call]
                raise DeviceLost(
                    f"no lamp answers at {self._host} port {self._port}",
                    hint="Check its power, its network cable and the address in the configuration.",
                )
            while not self._stopping:
                wanted = self._wanted
                self._make(client, wanted)
                backoff.reset()
                self._announcer.came(f"lamp at {self._host}")
                with self._changed:
                    self._changed.wait_for(lambda shown=wanted: self._stopping or self._wanted != shown, LOOK_S)  # type: ignore[misc]
            with suppress(ModbusException, OSError):
                client.write_registers(FIRST_REGISTER, to_write(DARK.states()), device_id=self._unit)

    def _make(self, client: ModbusTcpClient, wanted: Signal) -> None:
        """Let the lamp show ``wanted`` and read back that it does."""
        states = wanted.states()
        if self._read(client) == states:
            return
        self._answered(client.write_registers(FIRST_REGISTER, to_write(states), device_id=self._unit))
        shown = self._read(client)
        if shown != states:
            raise DeviceError(
                f"the lamp shows {words(shown)} instead of {words(states)}",
                hint="Set it to signal tower mode, and let no other program control it.",
            )

    def _read(self, client: ModbusTcpClient) -> tuple[int, ...]:
        answer = client.read_holding_registers(FIRST_REGISTER, count=REGISTERS, device_id=self._unit)
        registers = self._answered(answer).registers
        if len(registers) != REGISTERS:
            raise DeviceError(f"the lamp answered {len(registers)} registers instead of {REGISTERS}")
        self._shown = as_read(registers)
        return self._shown

    @staticmethod
    def _answered(answer: ModbusPDU) -> ModbusPDU:
        if answer.isError():
            raise DeviceError(
                f"the lamp refused with Modbus exception {answer.exception_code}",
                hint="Check its device number (unit) and that it is a PATLITE LA6 or WE with Modbus TCP switched on.",
            )
        return answer


def _reason(error: Exception) -> str:
    if isinstance(error, DeviceError):
        return f"{error} – {error.hint}" if error.hint else str(error)
    return "the lamp does not answer any more – Check its power and its network cable."
