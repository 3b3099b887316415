# The functions' image: one for all five, each with a command of its own (template.yaml, ImageConfig). What differs between them is not worth a
# second image: docs/DEPLOY.md has the sizes. On AWS, Lambda's own runtime client runs it; anywhere else its emulator, on port 8080.
#
# The base is pinned by digest when a release is built: docs/DEPLOY.md says how to look it up.
#   docker build --build-arg BASE=public.ecr.aws/lambda/python:3.13@sha256:… .
ARG BASE=public.ecr.aws/lambda/python:3.13

FROM ${BASE} AS dependencies
COPY requirements.lock /build/requirements.lock
# Wheels only: nothing is compiled, so no compiler is needed. Bytecode is written now, as Lambda's file system can't be written later.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-compile --only-binary=:all: --require-hashes \
      --target /build/dependencies --requirement /build/requirements.lock \
 && rm -rf /build/dependencies/bin \
 && python -m compileall -q --invalidation-mode unchecked-hash /build/dependencies \
 && chmod -R a+rX /build/dependencies

FROM ${BASE} AS code
COPY dedup_core /build/code/dedup_core
COPY infra /build/code/infra
COPY handlers /build/code/handlers
COPY migrations /build/code/migrations
RUN python -m compileall -q --invalidation-mode unchecked-hash /build/code \
 && chmod -R a+rX /build/code

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="event-dedup" \
      org.opencontainers.image.description="Keeps one canonical event for each real event that many sources list" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Two layers: a change of code leaves the large one as it is.
COPY --from=dependencies /build/dependencies ${LAMBDA_TASK_ROOT}
COPY --from=code /build/code ${LAMBDA_TASK_ROOT}
# Each arena keeps free memory of its own; what lies in two, `dedup_core.memory` gives back after each stage.
ENV MALLOC_ARENA_MAX="2"
# Lambda chooses a user of its own; where it is not Lambda, this one.
USER 1000:1000
CMD ["handlers.ingest.lambda_handler"]
