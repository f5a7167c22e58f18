// Package docs holds the documents that programs of this module show.
package docs

import _ "embed"

// OpenAPI is the API's description, openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
