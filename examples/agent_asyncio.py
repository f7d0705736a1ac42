"""An asyncio agent that reports what it does and obeys: run it beside `agentwatch run`, then kill it from the CLI.

AGENTWATCH_REDIS_URL=redis://localhost python examples/agent_asyncio.py
agentwatch kill default/shop/run/order-42 --reason "enough"
"""

import asyncio
import os

from agentwatch.client import AgentKilled, Guard


async def ask_model(prompt: str) -> str:
    """Stand in for a call of a model."""
    await asyncio.sleep(0.2)
    return f"I should look at {prompt} once more."


async def main() -> None:
    """Ask the same thing for ever, as agents that are stuck do."""
    redis = os.environ.get("AGENTWATCH_REDIS_URL", "redis://localhost:6379")
    async with Guard(agent="buyer", app="shop", run="order-42", redis=redis) as guard:
        try:
            for step in range(int(os.environ.get("STEPS", "1000"))):
                await guard.check()
                # `run` also ends a call that is under way when a kill arrives.
                answer = await guard.run(ask_model("the invoice"))
                guard.emit(op="chat", step=step, model="gpt-4o", input="the invoice", output=answer,
                           input_tokens=900, output_tokens=12)  # fmt: skip
        except AgentKilled as stop:
            print(f"stopped by agentwatch: {stop.reason or stop.subject}")  # noqa: T201  # it is an example


if __name__ == "__main__":
    asyncio.run(main())
