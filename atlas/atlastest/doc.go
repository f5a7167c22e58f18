// Package atlastest is a simulator of Atlas, for tests and for running the
// whole system on one machine, in the manner of net/http/httptest: a real
// HTTP server on loopback that speaks getAtripToken.do as Atlas publishes it
// (its OpenAPI document) and serves a portal page at every url it mints.
//
//	atlas := atlastest.NewServer(nil)
//	defer atlas.Close()
//	// point the client at atlas.URL, with the client id "example-client"
//	// and the client secret "example-secret"
//
// By default every call is judged as Atlas would judge it, see [OK]. Script
// and Always replace the answers of the next calls or of all calls with a
// [Step]: other statuses, the rate limiter's body, broken replies, slow ones
// and cut connections. Requests tells what was asked for.
//
// # How calls are answered
//
// The path has to end in /getAtripToken.do, below any base path, and the
// method has to be POST; otherwise 404 and 405. Everything else is an HTTP
// 200 with a status in its body, as Atlas does it:
//
//	0    success: url is a single-use link to the portal page
//	3    client id or client secret missing or unknown
//	100  a required member of the body is missing or empty
//	901  a required header is missing or wrong, the body is not one JSON
//	     object with only the documented members, or the role is not known
//
// The statuses 100 and 901 stand in Atlas's lists for its other APIs; that
// getAtripToken.do uses them for these faults is this package's assumption.
//
// # Secrets
//
// Client secrets and tokens are kept as SHA-256 only and never written to
// Options.Logf; Requests shows the secret's SHA-256 in its place.
package atlastest
