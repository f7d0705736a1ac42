"""openhands-sdk 1.58.0: `openhands.sdk.conversation.stuck_detector.StuckDetector.is_stuck`, default thresholds.

Its own `ConversationState` in memory holds the events; a call is an `ActionEvent` with an `ObservationEvent`, or an
`AgentErrorEvent` where it failed, an output a `MessageEvent` of the agent, and what it was told one of the user. The
events are made beforehand, as its agent loop would; appending and asking are timed. Thoughts are left out, which is in
its favour: it compares them too, and so takes equal calls under changing thoughts for different ones.
"""

import json
import uuid

from openhands.sdk import LLM, Agent, Message, TextContent
from openhands.sdk.conversation.state import ConversationState
from openhands.sdk.conversation.stuck_detector import StuckDetector
from openhands.sdk.event import ActionEvent, AgentErrorEvent, Event, MessageEvent, ObservationEvent
from openhands.sdk.llm import MessageToolCall
from openhands.sdk.mcp.definition import MCPToolAction, MCPToolObservation
from openhands.sdk.workspace import LocalWorkspace
from pydantic import SecretStr

from bench.peers.step import Step

PACKAGE = "openhands-sdk"
ABOUT = "equal call and result x4, failures, A-B-A-B x3, monologue x3"
COMPARES = "results"
_AGENT = Agent(llm=LLM(model="none", api_key=SecretStr("none")), tools=[])


def _message(source: str, text: str) -> MessageEvent:
    role = "user" if source == "user" else "assistant"
    return MessageEvent(source=source, llm_message=Message(role=role, content=[TextContent(text=text)]))


def prepare(step: Step) -> list[Event]:
    """Write a step as the events that its conversation would hold."""
    told = [_message("user", step.told)] if step.told else []
    if step.is_message:
        return [*told, _message("agent", step.arguments)]
    call_id = f"call-{step.index}"
    call = MessageToolCall(id=call_id, name=step.tool, arguments=json.dumps(step.args), origin="completion")
    action = ActionEvent(
        thought=[],
        action=MCPToolAction(data=step.args),
        tool_name=step.tool,
        tool_call_id=call_id,
        tool_call=call,
        llm_response_id=call_id,
    )
    named = {"tool_name": step.tool, "tool_call_id": call_id}
    if step.failed:
        return [*told, action, AgentErrorEvent(error=step.result or "error", **named)]
    seen = MCPToolObservation(content=[TextContent(text=step.result or "")], tool_name=step.tool)
    return [*told, action, ObservationEvent(observation=seen, action_id=action.id, **named)]


class Watcher:
    """One conversation."""

    def __init__(self) -> None:
        workspace = LocalWorkspace(working_dir=".")
        self._state = ConversationState.create(id=uuid.uuid4(), agent=_AGENT, workspace=workspace)
        self._detector = StuckDetector(self._state)

    def feed(self, ready: list[Event]) -> bool:
        for event in ready:
            self._state.append_event(event)
        return self._detector.is_stuck()
