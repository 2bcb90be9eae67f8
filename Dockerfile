# syntax=docker/dockerfile:1
# One image for web, workers and scheduler; the command says which.
FROM python:3.11-slim-bookworm AS build
# Extras of pyproject.toml: s3 for object storage; add ml for workers that train.
ARG EXTRAS="s3"
# Another package index, for example PyTorch's for CPU-only wheels.
ARG EXTRA_INDEX=""
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.8 && python -m venv --without-pip /opt/venv
WORKDIR /srv/battery_db
COPY pyproject.toml requirements.lock ./
# hadolint ignore=SC2046
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/venv/bin/python -r pyproject.toml -c requirements.lock \
        $(printf -- '--extra %s ' ${EXTRAS}) \
        ${EXTRA_INDEX:+--index ${EXTRA_INDEX} --index-strategy unsafe-best-match}

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/battery_db battery_db
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYBAMM_DISABLE_TELEMETRY=true \
    DJANGO_SETTINGS_MODULE=battery_db.settings \
    BATTERY_DB_DATA_DIR=/var/lib/battery_db
WORKDIR /srv/battery_db
COPY . .
USER 10001
RUN python manage.py collectstatic --noinput --verbosity 0
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "battery_db.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-"]
