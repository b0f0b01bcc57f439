"""Serving on a socket: uvicorn with figleaf's protocol, its own log, and an end without a loss."""

import logging
import math
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn

from figleaf.errors import FigleafError, InputError
from figleaf.serve.app import app_for
from figleaf.serve.manager import READY, STOPPING, tell_manager
from figleaf.serve.protocol import limited_protocol
from figleaf.serve.rules import ServeRules
from figleaf.serve.service import Service, Surroundings

_BACKLOG = 2048
_POLL = 0.1


def run(rules: ServeRules) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted.

    Lines of JSON go to standard output; the first says where it listens.

    Raises:
        InputError: the address cannot be listened on.
        FigleafError: what the rules name cannot be had.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it would end what is not ready to reload
    with _listener(rules) as listener:
        log = sys.stdout.buffer if sys.stdout is not None else None  # as where it is closed
        service = Service(rules, Surroundings(log=log))
        service.open()
        _Server(service).run([listener])


@dataclass(frozen=True, slots=True)
class Running:
    """A server in this process.

    Attributes:
        url: where it answers.
        service: its parts.
    """

    url: str
    service: Service


@contextmanager
def running(rules: ServeRules, surroundings: Surroundings | None = None) -> Iterator[Running]:
    """Serve in a thread for as long as a `with` lasts: for tests, notebooks and examples.

    Raises:
        FigleafError: as `run`.
    """
    with _listener(rules) as listener:
        service = Service(rules, surroundings or Surroundings())
        service.open()
        server = _Server(service)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.answers.wait(_POLL):
            if not thread.is_alive():
                raise FigleafError("the server did not start; its log says why")
        try:
            yield Running(url_of(listener), service)
        finally:
            server.should_exit = True
            thread.join()


def url_of(listener: socket.socket) -> str:
    """Where a socket is, as URLs begin."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _listener(rules: ServeRules) -> Iterator[socket.socket]:
    """A bound socket; it refuses connections until the server listens on it."""
    family = socket.AF_INET6 if ":" in rules.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((rules.host, rules.port))
        except (OSError, TypeError) as error:  # the latter of what is no name in IDNA
            why = getattr(error, "strerror", None) or error
            raise InputError(f"cannot listen on {rules.host}, port {rules.port}: {why}") from None
        yield listener


class _Server(uvicorn.Server):
    def __init__(self, service: Service) -> None:
        rules = service.rules
        super().__init__(
            uvicorn.Config(
                app_for(service),
                http=limited_protocol(rules, service.refused),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=math.ceil(rules.keep_alive),
                timeout_graceful_shutdown=math.ceil(rules.drain_timeout),
            )
        )
        self.answers = threading.Event()
        self._service = service
        _log_into(service)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; the second Ctrl-C at once. uvicorn's own ends by the signal, as if it had failed."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if sockets:
            self._service.write_listening(url_of(sockets[0]))
            tell_manager(READY)
        self.answers.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send new clients away, and answer those that are there."""
        self._service.draining = True
        tell_manager(STOPPING)
        self._service.log.write("stopping", images=self._service.slots.held)
        await super().shutdown(sockets)


class _IntoLog(logging.Handler):
    """Makes lines of JSON of what uvicorn has to say."""

    def __init__(self, service: Service) -> None:
        super().__init__(logging.WARNING)
        self._service = service

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record down."""
        if record.exc_info and record.exc_info[1] is not None:
            self._service.log.error(record.getMessage().strip(), record.exc_info[1])
        else:
            self._service.log.write("server", level=record.levelname, message=record.getMessage())


def _log_into(service: Service) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.propagate = False
    logger.handlers = [_IntoLog(service)]
