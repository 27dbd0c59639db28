# Prometheus from the distribution's package, to be used like the official image prom/prometheus.
ARG BASE
FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus \
  && rm -rf /var/lib/apt/lists/* /var/log/* \
  && ln -s /usr/bin/prometheus /bin/prometheus 2>/dev/null || true
RUN mkdir -p /prometheus && chown 65534:65534 /prometheus
USER 65534
EXPOSE 9090
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
