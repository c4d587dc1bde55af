"""Chat: conversations and roles, templates that make ids of them, and which ids count."""

from gptengine.chat.conversation import ROLES, Message, ToolCall, conversation
from gptengine.chat.jinja import to_jinja
from gptengine.chat.render import LOSS_ROLES, Rendered, Renderer, render
from gptengine.chat.template import Template
from gptengine.chat.templates import CONTROL_TOKENS, TEMPLATES, template_of, with_template

__all__ = [
    "CONTROL_TOKENS",
    "LOSS_ROLES",
    "ROLES",
    "TEMPLATES",
    "Message",
    "Rendered",
    "Renderer",
    "Template",
    "ToolCall",
    "conversation",
    "render",
    "template_of",
    "to_jinja",
    "with_template",
]
