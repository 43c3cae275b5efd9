"""Every rule of the screen. A new rule is a value in one of these tuples; nothing else has to know it."""

from __future__ import annotations

from typing import Final

from letterlock.screen.rule import Rule
from letterlock.screen.rules.attached import ATTACHED
from letterlock.screen.rules.exfiltration import EXFILTRATION
from letterlock.screen.rules.hidden import HIDDEN
from letterlock.screen.rules.orders import ORDERS
from letterlock.screen.rules.senders import SENDERS

RULES: Final[tuple[Rule, ...]] = (*ORDERS, *HIDDEN, *ATTACHED, *EXFILTRATION, *SENDERS)
