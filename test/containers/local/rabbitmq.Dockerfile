# RabbitMQ from the distribution's packages, to be used like the official image rabbitmq:*-management: same ports, same folder of
# configuration, same entry point. For tests on machines that reach no image registry; build.sh beside this file says how.
ARG BASE
FROM ${BASE}
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rabbitmq-server \
  && rm -rf /var/lib/apt/lists/* /var/log/* \
  && rabbitmq-plugins enable --offline rabbitmq_management rabbitmq_prometheus \
  && mkdir -p /etc/rabbitmq/conf.d /var/log/rabbitmq && chown -R rabbitmq:rabbitmq /etc/rabbitmq /var/log/rabbitmq /var/lib/rabbitmq
COPY rabbitmq-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV LANG=C.UTF-8 RABBITMQ_LOGS=- HOME=/var/lib/rabbitmq PATH=/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
RUN printf 'loopback_users.guest = false\nlog.console = true\n' >/etc/rabbitmq/conf.d/10-defaults.conf
VOLUME /var/lib/rabbitmq
EXPOSE 5672 15672 15692
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
