# syntax=docker/dockerfile:1
#   docker build -t chatserver .
#   docker run -d -p 4000:4000 -p 4001:4001 -p 4004:4004 -t chatserver
# Both stages are of the same Debian release: the program is linked with its C library.

FROM rust:1.91-slim-trixie AS build
# SQLite, libpq and aws-lc are compiled from C, with what this release of Debian has now.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ cmake make perl libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# Which commit it is, for chat_build_info: --build-arg COMMIT=$(git rev-parse --short=12 HEAD)
ARG COMMIT=
# The caches outlive the build; the program has to leave them to be kept.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    CHAT_COMMIT="$COMMIT" cargo build --release --locked --features full --bin chat-server \
    && install -D -m 0755 -s target/release/chat-server /out/chat-server

FROM debian:trixie-slim
ARG COMMIT=
# --build-arg VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ARG VERSION=
LABEL org.opencontainers.image.title="chat-server" \
      org.opencontainers.image.description="Chat by telnet, WebSocket, browser and IRC in the same channels" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
# libpq's TLS, and the authorities that the system trusts.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl3t64 ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# A number, so that Kubernetes can tell that it is not root.
RUN groupadd --system --gid 10001 chat \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/chat-server \
       --no-create-home --shell /usr/sbin/nologin chat \
    && install -d -o chat -g chat -m 0700 /var/lib/chat-server
COPY --from=build /out/chat-server /usr/local/bin/chat-server
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/chat-server/
COPY --chmod=0755 deploy/docker/healthcheck /usr/local/bin/healthcheck
COPY deploy/docker/config.json /etc/chat-server/config.json
USER 10001:10001
WORKDIR /var/lib/chat-server
VOLUME /var/lib/chat-server
# Line protocol, REST for administrators, page and WebSockets, room lines by TCP and WebSocket.
EXPOSE 4000 4001 4004 8989 8099
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["chat-server"]
CMD ["-c", "/etc/chat-server/config.json"]
