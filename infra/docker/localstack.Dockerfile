# LocalStack with our executor: it calls the functions' containers. 4.14.0 is the last version that needs no account.
# Pin it: docker buildx imagetools inspect localstack/localstack:4.14.0 --format '{{.Manifest.Digest}}'
ARG LOCALSTACK=localstack/localstack:4.14.0
FROM ${LOCALSTACK}
COPY event_dedup_localstack /build/event_dedup_localstack
COPY event_dedup_localstack-1.dist-info /build/event_dedup_localstack-1.dist-info
# Beside LocalStack's own packages, where it looks for plugins.
RUN cp -r /build/event_dedup_localstack /build/event_dedup_localstack-1.dist-info \
      "$(/opt/code/localstack/.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && rm -r /build
