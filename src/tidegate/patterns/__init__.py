"""Messages → patterns: what a statement of a program writes, without its variables."""

from tidegate.patterns.miner import Miner
from tidegate.patterns.pattern import Pattern

__all__ = ["Miner", "Pattern"]
