# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock .
RUN python -m venv /opt/callcontrol \
 && /opt/callcontrol/bin/pip install --require-hashes -r requirements.lock
# The build backend comes from the same lock as in development.
COPY requirements-dev.lock .
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r requirements-dev.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY proto proto
COPY service service
RUN /opt/build/bin/hatchling build -t wheel -d /dist \
 && /opt/callcontrol/bin/pip install --no-deps /dist/*.whl

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="callcontrol" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/callcontrol /opt/callcontrol
ENV PATH=/opt/callcontrol/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    GRPC_ENABLE_FORK_SUPPORT=0 \
    CALLCONTROL_LISTEN=0.0.0.0:50051
USER 10001:10001
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["callcontrol", "health", "--service", "liveness"]
ENTRYPOINT ["callcontrol"]
CMD ["serve"]
