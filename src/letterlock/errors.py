"""Every error of ours, with one audience, one stable code and one next step.

    LetterlockError
    |- CallerError              the caller can mend it: shown to models, REST clients and people as it stands
    |  |- InvalidRequest        an argument is wrong
    |  |- NotFound              no such thing, or not the caller's (the two are never told apart)
    |  |- Conflict              it exists already, or is in a state that forbids this
    |  |- NotAllowed            the key's scopes or the policy forbid it
    |  |  '- KeyEnded           the key counted when the call began, and no longer does
    |  |- LimitReached          it was done too often; says in how many seconds it may be done again
    |  |- Unavailable           right now it cannot be done; trying again is of use
    |  '- VaultLocked           no key opens this secret, or these bytes; the rest of the mail can be read
    |- OwnerError               whoever runs Letterlock can mend it: shown on stderr and by `letterlock doctor`
    |  |- SettingsError         a settings file or variable is wrong; names the line and the key
    |  |- DataFolderError       the data folder cannot be used
    |  '- MasterKeyError        the vault's master key cannot be had, or is kept where others can read it
    |- StoreError               the store's weather; a listener answers 4xx, a caller sees Unavailable
    |  |- StoreBusy             another process holds the database
    |  '- StoreFull             no space, or not writable
    '- UnreadableMessage        bytes that cannot be read as an email; filed as quarantined with this reason

No text of an error ever holds a message body, a code, SQL or another tenant's id. Only an OwnerError names a path, and
only to the owner: on stderr, at the command line, and to the owner's own client on stdio.
"""

from __future__ import annotations

from typing import ClassVar


class LetterlockError(Exception):
    """What failed (with the value given), why, and the next step, in up to three short sentences."""

    code: ClassVar[str] = "internal"

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()


class CallerError(LetterlockError):
    code = "caller_error"
    http_status: ClassVar[int] = 400


class InvalidRequest(CallerError):
    code = "invalid_request"
    http_status = 422


class NotFound(CallerError):
    code = "not_found"
    http_status = 404


class Conflict(CallerError):
    code = "conflict"
    http_status = 409


class NotAllowed(CallerError):
    code = "not_allowed"
    http_status = 403


class KeyEnded(NotAllowed):
    code = "unauthorized"
    http_status = 401


class LimitReached(CallerError):
    code = "limit_reached"
    http_status = 429

    def __init__(self, what: str, *, next_step: str = "", retry_after_s: int = 0) -> None:
        super().__init__(what, next_step=next_step)
        self.retry_after_s = retry_after_s


class Unavailable(CallerError):
    code = "unavailable"
    http_status = 503


class VaultLocked(CallerError):
    code = "vault_locked"
    http_status = 503


class OwnerError(LetterlockError):
    code = "owner_error"


class SettingsError(OwnerError):
    code = "bad_settings"


class DataFolderError(OwnerError):
    code = "bad_data_folder"


class MasterKeyError(OwnerError):
    code = "bad_master_key"


class StoreError(LetterlockError):
    code = "store_error"


class StoreBusy(StoreError):
    code = "store_busy"


class StoreFull(StoreError):
    code = "store_full"


class UnreadableMessage(LetterlockError):
    """`reason` is one of a closed list of codes (message/parse.py); the text explains it to a person."""

    code = "unreadable"

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason
