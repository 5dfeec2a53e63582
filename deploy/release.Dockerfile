# The image of a release, with the binaries that scripts/release.sh built: no base image, and the same
# bytes as the binaries of the release. The folder of the build has them and ca-certificates.crt.
#   docker buildx build -f deploy/release.Dockerfile --build-arg VERSION=v1.0.0 --platform linux/amd64,linux/arm64 dist
FROM scratch
ARG VERSION
ARG TARGETARCH
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=755 usher_${VERSION}_linux_${TARGETARCH} /usher
COPY --chown=65532:65532 data /data
USER 65532:65532
# Store of the embedded NATS server, used without nats.url: mount a volume at /data.
ENV USHER_NATS_EMBEDDED_DIR=/data/nats
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["/usher", "health"]
ENTRYPOINT ["/usher"]
CMD ["serve"]
