"""What the templates of every page share: controls of forms, colours of states."""

from typing import Any

from django import forms, template
from django.forms import BoundField
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

CHECKS = (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)
# Colour of a state, by the words that models use; anything else is grey.
TONES = {
    "good": ("succeeded", "imported", "stable", "active", "ready", "compiled"),
    "bad": ("failed", "unreadable", "error", "invalid"),
    "busy": ("running",),
    "warn": ("queued", "waiting", "growing", "partial", "warning", "incomplete"),
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states}


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's widget in the classes of the look, marked when its value is refused."""
    widget = field.field.widget
    if isinstance(widget, CHECKS):
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    else:
        css = "form-control"
    given = widget.attrs.get("class", "")
    refused = "is-invalid" if field.errors else ""
    classes = " ".join(filter(None, (css, given, refused)))
    html: SafeString = field.as_widget(attrs={"class": classes})
    return html


@register.filter
def is_check(field: BoundField) -> bool:
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.filter
def is_choices(field: BoundField) -> bool:
    return isinstance(field.field.widget, (forms.CheckboxSelectMultiple, forms.RadioSelect))


@register.filter
def tone(state: Any) -> str:
    return TONE_OF.get(str(state).lower(), "idle")


@register.filter
def level_tone(level_tag: str) -> str:
    """Class of the alert for a level of ``django.contrib.messages``."""
    return {"error": "danger", "debug": "info"}.get(level_tag, level_tag or "info")


@register.simple_tag(takes_context=True)
def block_text(context: template.Context, name: str) -> SafeString:
    """What a block says, a second time on the page: the title in the tab and as heading."""
    blocks = context.render_context[BLOCK_CONTEXT_KEY]
    rendered: str = blocks.get_block(name).render(context)
    return mark_safe(rendered.strip())  # noqa: S308  # escaped when it was rendered
