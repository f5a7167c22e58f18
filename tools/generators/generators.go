// Package generators pins the generators of Go clients, and what the generated code imports.
package generators

import (
	_ "github.com/oapi-codegen/runtime"
	_ "github.com/ogen-go/ogen/http"
	_ "github.com/ogen-go/ogen/ogenregex"
	_ "github.com/ogen-go/ogen/otelogen"
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/metric"
	_ "go.opentelemetry.io/otel/semconv/v1.39.0"
	_ "go.opentelemetry.io/otel/trace"
)
