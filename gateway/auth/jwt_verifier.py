from typing import Any


class BadJwt(Exception):
    reason = "x"


class Identity:
    issuer = ""
    subject = ""
    nick = ""
    expires = 0.0


class JwtVerifier:
    async def verify(self, jwt: str) -> Any:
        raise BadJwt
