"""Who an agent's process is: the names under which it is watched, and the environment that carries them on."""

from collections.abc import Mapping

from msgspec import Struct

from agentwatch.errors import BadConfig
from agentwatch.subject import covering

__all__ = ["DEFAULT_TENANT", "Identity", "identity_from"]

DEFAULT_TENANT = "default"


class Identity(Struct, frozen=True, kw_only=True):
    """One run of an agent. Empty fields take the daemon's defaults: app = agent, run = agent, root_run = run."""

    agent: str
    app: str = ""
    run: str = ""
    root_run: str = ""
    parent_run: str = ""
    task: str = ""
    tenant: str = ""

    def filled(self) -> "Identity":
        """Put the defaults in; raises `BadConfig` where there is no agent."""
        if not self.agent:
            raise BadConfig("an agent needs a name", "agent")
        run = self.run or self.agent
        return Identity(
            agent=self.agent,
            app=self.app or self.agent,
            run=run,
            root_run=self.root_run or run,
            parent_run=self.parent_run,
            task=self.task,
            tenant=self.tenant or DEFAULT_TENANT,
        )

    def subjects(self) -> tuple[str, ...]:
        """List the subjects whose command covers this run, narrowest first."""
        return covering(self.tenant, self.app, self.agent, self.run, self.root_run, self.task)

    def fields(self) -> dict[str, str]:
        """Give the names as fields of a usage event, without the empty ones."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}

    def environment(self) -> dict[str, str]:
        """Give the names as variables for a process that does this run's work."""
        return {f"AGENTWATCH_{name.upper()}": value for name, value in self.fields().items()}

    def child(self, run: str, agent: str, task: str) -> "Identity":
        """Name a run that this one spawns: same tenant, app and root; an agent's name may differ."""
        return Identity(
            agent=agent or self.agent,
            app=self.app,
            run=run,
            root_run=self.root_run,
            parent_run=self.run,
            task=task,
            tenant=self.tenant,
        )


def identity_from(environment: Mapping[str, str]) -> Identity:
    """Read the names from `AGENTWATCH_AGENT`, `_APP`, `_RUN`, `_ROOT_RUN`, `_PARENT_RUN`, `_TASK`, `_TENANT`."""
    names = Identity.__struct_fields__
    found = {name: environment.get(f"AGENTWATCH_{name.upper()}", "") for name in names}
    if not found["agent"]:
        raise BadConfig("set AGENTWATCH_AGENT", "agent")
    return Identity(**found)
