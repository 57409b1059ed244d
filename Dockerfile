# Tidegauge in a container. `docker compose up --build` builds it; alone: docker build --tag tidegauge .

FROM python:3.12-slim

RUN useradd --system tidegauge && install --directory --owner tidegauge /var/cache/tidegauge
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY sensing sensing
COPY sinks sinks
COPY flows flows
RUN pip install --no-cache-dir --root-user-action ignore --constraint constraints.txt . && rm -r /src/*

USER tidegauge
WORKDIR /
# Kernels are compiled for the processor that builds; on another one the first start does it again.
ENV NUMBA_CACHE_DIR=/var/cache/tidegauge PYTHONUNBUFFERED=1
RUN python -m flows.cli.warm_up

# Exit codes: after 1 a restart can help, after 2, 3 and 4 the next start ends in the same way (flows/README.md).
EXPOSE 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidegauge"]
CMD ["run"]
