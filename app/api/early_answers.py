"""
Answers that are ready before the request's body has arrived: too large, of the wrong type, not found.

A client that is still sending reads an answer only if the connection survives until it has read it, and a server that
closes a socket with unread bytes in it resets the connection. So the answer goes out at once, it announces that the
connection closes, and the rest of the body is thrown away for a moment, within bounds: nginx's `lingering_close`.
"""

import asyncio

from starlette.types import Message, Receive, Scope, Send

LINGER_S = 2.0
SLACK_BYTES = 64 * 1024


class EarlyAnswers:
    """
    Wraps the two ends of one request.

    Of a body at most `max_body_bytes` and 64 KiB are read, by the application and here together.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body_bytes: int) -> None:
        headers = dict(scope["headers"])
        self._receive = receive
        self._send = send
        self._left_bytes = max_body_bytes + SLACK_BYTES
        self._complete = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._will_send_body = b"expect" not in headers  # one that waits for "100 Continue" takes our answer instead

    async def receive(self) -> Message:
        """Receive the next message, taking note of the body's end."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._left_bytes -= len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        else:
            self._complete = True
        return message

    async def send(self, message: Message) -> None:
        """Send a message; the last one of an early answer is held back until the client had time to read the rest."""
        if self._complete:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._send({**message, "headers": [*message.get("headers", []), (b"connection", b"close")]})
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._discard_the_rest()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _discard_the_rest(self) -> None:
        if not self._will_send_body:
            return
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._complete and self._left_bytes > 0:
                    await self.receive()
        except TimeoutError:
            return
