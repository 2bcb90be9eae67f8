"""Log lines as JSON, for the machines that collect them (``BATTERY_DB_LOG_JSON``)."""

import logging

import structlog


def json_formatter() -> logging.Formatter:
    """A formatter for ``logging`` that writes one JSON object a line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
