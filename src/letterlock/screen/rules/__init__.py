from __future__ import annotations

from letterlock.screen.rule import Rule

RULES: tuple[Rule, ...] = ()
