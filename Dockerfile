# syntax=docker/dockerfile:1
#
#   docker build -t banyan .
#   docker run --rm --read-only -p 8080:8080 -v "$PWD/conf:/etc/banyan:ro" -v banyan-state:/var/lib/banyan banyan
#
# conf/routes.yaml is yours. Mount its directory, not the file: editors and config maps replace files, and a replaced file
# is not seen through a mount of the old one. In a container, listen on 0.0.0.0.

# The image of the compiler brings a C compiler too, which the allocator and the cryptography need.
# So does what the optimised build needs beside it, Python and openssl.
FROM rust:1.95-bookworm AS build
RUN rustup component add llvm-tools
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    release/build.sh \
    && install -D target/optimized/banyan /out/banyan

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="banyan" \
      org.opencontainers.image.description="A strangler-fig migration proxy" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number, so that a cluster can see that it is not root. The state directory is the only place that is written to.
RUN groupadd --gid 65532 banyan \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /var/lib/banyan --shell /usr/sbin/nologin banyan \
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/banyan
COPY --from=build /out/banyan /usr/local/bin/banyan
COPY LICENSE /usr/share/doc/banyan/LICENSE
# The state would stand beside the configuration otherwise, which is mounted read-only.
ENV BANYAN_CONFIG=/etc/banyan/routes.yaml BANYAN_STATE_DIR=/var/lib/banyan
VOLUME /var/lib/banyan
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["banyan", "healthcheck"]
ENTRYPOINT ["banyan"]
CMD ["serve"]
