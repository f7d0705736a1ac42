"""The kinds of work that scenarios are set in."""

from agentwatch.testing.scenarios.places.coding import CODING
from agentwatch.testing.scenarios.places.data import DATA
from agentwatch.testing.scenarios.places.desktop import DESKTOP
from agentwatch.testing.scenarios.places.helpdesk import HELPDESK
from agentwatch.testing.scenarios.places.office import OFFICE
from agentwatch.testing.scenarios.places.research import RESEARCH
from agentwatch.testing.scenarios.places.terminal import TERMINAL
from agentwatch.testing.scenarios.places.workplace import Workplace

__all__ = ["PLACES", "Workplace"]

PLACES: tuple[Workplace, ...] = (CODING, TERMINAL, RESEARCH, HELPDESK, DATA, DESKTOP, OFFICE)
