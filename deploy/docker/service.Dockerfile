# One recipe for the three services: docker build --build-arg SERVICE=payments -f deploy/docker/service.Dockerfile .
FROM golang:1.26.8-bookworm AS build
ARG SERVICE
WORKDIR /src
COPY services services
WORKDIR /src/services/${SERVICE}
# Static, for the small image below has another libc; and without the workspace, of which this is only a part.
RUN GOWORK=off CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/service ./cmd/${SERVICE}

FROM alpine:3.22
RUN adduser -D -u 10001 tianguis && mkdir /state && chown tianguis /state
USER tianguis
WORKDIR /state
VOLUME /state
COPY --from=build /out/service /usr/local/bin/service
ENTRYPOINT ["service"]
