"""Records how root switched to another account; set once per process.

It is apart from `switch_account`, which most processes never load.
"""

from __future__ import annotations

from msgspec import Struct

from core.account.client import use
from core.account.ids import Ids


class AccountSwitch(Struct, frozen=True, kw_only=True):
    """The account of this process, and the account that asked for it: `root` or `sudo alice`.

    `filtered`: no program of that account can type into root's terminal. `keeper_fd` leads to the
    process of root's that gives files back to other accounts, where there is one.
    """

    ids: Ids
    by: str
    asked: bool = False
    filtered: bool = False
    keeper_fd: int | None = None

    @property
    def user(self) -> str:
        """Return the account, and who asked, as jobs name it."""
        return f"{self.ids.name} ({self.by})"

    @property
    def sentence(self) -> str:
        """Return the line that says it."""
        why = "as asked" if self.asked else "the owner of the store"
        return f"Working as {self.ids.name}, {why}."


_passed: list[AccountSwitch] = []  # at most one: there is no way back


def account_switch() -> AccountSwitch | None:
    """Return how root switched to this account; None without a switch."""
    return _passed[-1] if _passed else None


def set_account_switch(how: AccountSwitch) -> None:
    """Record the switch of this process, or of the one that started it; use its keeper."""
    _passed[:] = [how]
    if how.keeper_fd is not None:
        use(how.keeper_fd)
