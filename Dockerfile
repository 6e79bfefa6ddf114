# The server alone: one static binary, the certificate authorities, a default configuration. No shell, no package
# manager, no root. Nothing here needs BuildKit; docker, podman and buildah all build it.

FROM docker.io/library/rust:1.95-slim-bookworm AS build
WORKDIR /src

# A static binary. Cargo applies the flag to the product alone, and not to build scripts and macros, when the target
# is named; it is the machine's own, so amd64 and arm64 build alike.
ENV RUSTFLAGS="-C target-feature=+crt-static"

# The dependencies in a layer of their own, built for an empty program: a change in src/ leaves it cached.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
 && cargo build --locked --release --bin hookreeve --target "$(rustc -vV | sed -n 's/^host: //p')" \
 && rm -r src

# COPY keeps old dates, which cargo would take for "already built": hence touch.
COPY src src
COPY config config
COPY tests/data tests/data
RUN touch src/main.rs src/lib.rs \
 && target="$(rustc -vV | sed -n 's/^host: //p')" \
 && cargo build --locked --release --bin hookreeve --target "$target" \
 && mkdir -p /image/etc/ssl/certs /image/etc/hookreeve /image/tmp /image/var/lib /volumes/hookreeve \
 && cp "target/$target/release/hookreeve" /image/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && cp config/hookreeve.toml /image/etc/hookreeve/ \
 && chmod 1777 /image/tmp && chmod 0700 /volumes/hookreeve

FROM scratch
COPY --from=build /image/ /
# A directory's contents: only so does every builder give the volume, and nothing above it, to the user.
COPY --from=build --chown=65532:65532 /volumes/ /var/lib/

ENV HOOKREEVE__SERVER__DATA_DIR=/var/lib/hookreeve
USER 65532:65532
VOLUME /var/lib/hookreeve
EXPOSE 8080

HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/hookreeve", "health"]
ENTRYPOINT ["/hookreeve"]
CMD ["serve"]
