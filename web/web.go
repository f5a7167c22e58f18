// Package web holds the browser's side of the broker: the <atrip-link> element
// for frontends, and the demo console that cmd/local serves.
package web

import "embed"

// Files are the element (atrip-link.js, atrip-link.zh.js) and
// the console (console/).
//
//go:embed atrip-link.js atrip-link.zh.js console
var Files embed.FS
