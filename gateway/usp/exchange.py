"""One connection to the broker, without its socket: handshake, registration, records.

States follow TR-369, sections 4.6 and 6.4 (UNIX domain socket binding, Register).
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from gateway.core.errors import GatewayError
from gateway.usp.agent import Agent
from gateway.usp.frames import FrameReader, MalformedFrame, Part, PartType, frame
from gateway.usp.messages import (
    RECORD_VERSION,
    Body,
    Disconnect,
    Empty,
    ErrorCode,
    ErrorMessage,
    Header,
    MessageType,
    PlainPayload,
    RegisterMessage,
    RegisterResponse,
    RegistrationPath,
    Request,
    UspMessage,
    UspRecord,
)
from gateway.usp.protobuf import MalformedMessage, decode, encode, message, wire_message

ENDPOINT = "self::qalqan"  # the service's endpoint ID
ENDPOINT_LIMIT = 255  # characters of the broker's
TEXT_LIMIT = 200  # characters of the broker's text in a log line


class Stage(Enum):
    HANDSHAKE = auto()
    REGISTRATION = auto()
    REGISTERED = auto()


class ConnectionEnded(GatewayError):
    """Raised if the connection to the broker has to be closed. ``farewell``: bytes to send before."""

    def __init__(self, text: str, farewell: bytes = b"") -> None:
        super().__init__(text)
        self.farewell = farewell


class Exchange:
    """The USP protocol on one connection to the broker, without the socket: received bytes in, answers out.

    It does the handshake and the registration, and passes requests to the ``agent``.
    """

    def __init__(self, agent: Agent) -> None:
        self.stage = Stage.HANDSHAKE
        self._agent = agent
        self._reader = FrameReader()
        self._broker = ""
        self._count = 0
        self._registration = ""  # id of the Register message

    def begin(self) -> bytes:
        """Return the handshake frame, which the service sends first (R-UDS.16)."""
        return frame(PartType.HANDSHAKE, ENDPOINT.encode())

    def receive(self, data: bytes) -> bytes:
        """Process bytes from the broker, of any length. Return the bytes to send in answer; may be empty.

        Raises ConnectionEnded if they are malformed, or the broker disconnects, reports an error, or
        refuses the registration.
        """
        try:
            parts = self._reader.feed(data)
        except MalformedFrame as error:
            raise _unreadable(str(error)) from error
        return b"".join(map(self._answer, parts))

    def notifications(self) -> bytes:
        """Return frames with a Notify message for each changed value that the broker subscribed to.

        Empty before the registration.
        """
        if self.stage is not Stage.REGISTERED:
            return b""
        return b"".join(map(self._record, self._agent.notifications(self._next_id)))

    def end(self, reason: str) -> bytes:
        """Return the bytes to send before the service closes the connection (R-MTP.7).

        Empty before the handshake. ``reason``: a text for the broker.
        """
        if self.stage is Stage.HANDSHAKE:
            return b""
        return self._framed(UspRecord(disconnect=Disconnect(reason)))

    def _answer(self, part: Part) -> bytes:
        if part.type is PartType.ERROR:
            text = part.value[:TEXT_LIMIT].decode("utf-8", "replace")
            msg = f"the broker reports an error: {text!r}"
            raise ConnectionEnded(msg)
        if part.type is PartType.HANDSHAKE:
            return self._shake_hands(part.value)
        # Without the identity of the broker, a record is ignored (R-UDS.20).
        return b"" if self.stage is Stage.HANDSHAKE else self._answer_record(part.value)

    def _shake_hands(self, value: bytes) -> bytes:
        if self.stage is not Stage.HANDSHAKE:
            return b""  # R-UDS.19
        try:
            broker = value.decode()
        except UnicodeDecodeError as error:
            msg = "the endpoint ID is not UTF-8"
            raise _unreadable(msg) from error
        if not broker.isprintable() or not 0 < len(broker) <= ENDPOINT_LIMIT:
            msg = "the endpoint ID is not valid"
            raise _unreadable(msg)
        self._broker = broker
        self.stage = Stage.REGISTRATION
        self._registration = self._next_id()
        register = RegisterMessage(reg_paths=(RegistrationPath(self._agent.root),))
        request = UspMessage(
            Header(self._registration, MessageType.REGISTER), Body(request=Request(register=register))
        )
        return self._framed(UspRecord(uds_connect=Empty())) + self._record(request)

    def _answer_record(self, value: bytes) -> bytes:
        try:
            record = decode(UspRecord, value)
        except MalformedMessage as error:
            msg = f"the record cannot be read: {error}"
            raise _unreadable(msg) from error
        if record.to_id != ENDPOINT or record.from_id != self._broker:
            return b""
        if record.disconnect is not None:
            msg = f"the broker disconnects: {record.disconnect.reason[:TEXT_LIMIT]!r}"
            raise ConnectionEnded(msg)
        if record.plain is None:
            return b""  # a connect record, or a session, which the binding does not need
        try:
            received = decode(UspMessage, record.plain.payload)
        except MalformedMessage:
            return self._undecodable(record.plain.payload)
        self._note_registration(received)
        response = self._agent.respond(received)
        return b"" if response is None else self._record(response)

    def _undecodable(self, payload: bytes) -> bytes:
        """Return a record with an error message for a USP message that cannot be decoded (R-MTP.5).

        Empty if not even its header can be read.
        """
        try:
            header = decode(_HeaderOnly, payload).header
        except MalformedMessage:
            return b""
        if header is None or not header.msg_id:
            return b""
        error = ErrorMessage(ErrorCode.INVALID_ARGUMENTS, "the message cannot be read")
        return self._record(UspMessage(Header(header.msg_id, MessageType.ERROR), Body(error=error)))

    def _note_registration(self, received: UspMessage) -> None:
        """Set the stage to registered if the message is the broker's success response to our registration.

        Raises ConnectionEnded if it refuses the registration. Other messages are ignored.
        """
        header, body = received.header, received.body
        if header is None or header.msg_id != self._registration or body is None:
            return
        text: str | None
        if body.error is not None:
            text = body.error.err_msg
        elif body.response is None or body.response.register_resp is None:
            return
        else:
            text = _failure_of(body.response.register_resp)
        if text is not None:
            msg = f"the broker does not register {self._agent.root}: {text[:TEXT_LIMIT]!r}"
            raise ConnectionEnded(msg, self.end("the registration failed"))
        self.stage = Stage.REGISTERED

    def _next_id(self) -> str:
        self._count += 1
        return f"qalqan-{self._count}"

    def _record(self, sent: UspMessage) -> bytes:
        return self._framed(UspRecord(plain=PlainPayload(encode(sent))))

    def _framed(self, record: UspRecord) -> bytes:
        addressed = replace(record, version=RECORD_VERSION, to_id=self._broker, from_id=ENDPOINT)
        return frame(PartType.RECORD, encode(addressed))


@wire_message
class _HeaderOnly:
    """A USP message of which only the header is decoded, for messages with an unreadable body."""

    header: Header | None = message(1, Header)


def _unreadable(text: str) -> ConnectionEnded:
    """Return, without raising it, a ConnectionEnded for unreadable bytes, with an error frame as farewell.

    See R-UDS.21, 23 and 24.
    """
    return ConnectionEnded(text, frame(PartType.ERROR, text.encode()))


def _failure_of(response: RegisterResponse) -> str | None:
    """Return the broker's error text if it did not register our path; None if it did."""
    for result in response.registered_path_results:
        status = result.oper_status
        if status is not None and status.oper_success is not None:
            return None
        if status is not None and status.oper_failure is not None:
            return status.oper_failure.err_msg
    return "the response names no path"
