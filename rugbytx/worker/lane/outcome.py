"""How a lane ends."""

from enum import StrEnum


class Ending(StrEnum):
    """What becomes of the message."""

    #: Nothing is left for this message to do; the store knows when to look again.
    ACKNOWLEDGE = "acknowledge"
    #: Another worker should receive it.
    HAND_BACK = "hand-back"
