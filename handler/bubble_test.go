package handler_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/faultscript"
)

// inBubble runs a test in a synctest bubble, whose clock advances only while all
// goroutines wait: times are exact. The clock does not advance while a goroutine
// waits for a network, so Atlas's simulator is reached through pipes in memory.
func inBubble(t *testing.T, test func(*testing.T, *broker), options ...func(*handler.Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := faultscript.NewPipes()
		simulator := atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, Listener: pipes})
		overPipes := func(c *handler.Config) {
			c.Accounts["default"].Atlas.Transport = &http.Transport{DialContext: pipes.Dial}
		}
		test(t, newBrokerOn(t, simulator, append([]func(*handler.Config){overPipes}, options...)...))
	})
}
