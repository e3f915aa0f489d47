module tianguis.example/payments-sdk

go 1.26.0

toolchain go1.26.8

replace (
	tianguis.example/chassis => ../chassis
	tianguis.example/payments => ../payments
)

require (
	github.com/interledger/open-payments-go v0.2.0
	github.com/stretchr/testify v1.12.1
	tianguis.example/payments v0.0.0
)

require (
	github.com/apapsch/go-jsonmerge/v2 v2.0.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/oapi-codegen/runtime v1.1.0 // indirect
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sync v0.24.0 // indirect
	tianguis.example/chassis v0.0.0 // indirect
)
