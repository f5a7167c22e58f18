package bench

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"atriptoken/e2e/rig"
)

// distance is a toxic that makes the other side seem a round-trip time away. It
// delays data by half of it, and the first data by the TCP handshake too, which
// loopback completes at once.
type distance struct{ RTT time.Duration }

func (*distance) GetBufferSize() int { return 1024 }

func (d *distance) Pipe(stub *toxics.ToxicStub) {
	connected := time.Now().Add(d.RTT)
	for chunk := range stub.Input {
		sent := chunk.Timestamp
		if sent.Before(connected) {
			sent = connected
		}
		time.Sleep(time.Until(sent.Add(d.RTT / 2)))
		stub.Output <- chunk
	}
	stub.Close()
}

func init() { toxics.Register("distance", new(distance)) }

// relay returns an address from which target seems a round-trip time away.
func relay(t testing.TB, target string, rtt time.Duration) (address string) {
	t.Helper()
	if rtt == 0 {
		return target
	}
	var both []string
	for _, stream := range []string{"upstream", "downstream"} {
		toxic, err := json.Marshal(map[string]any{"type": "distance", "stream": stream, "attributes": distance{rtt}})
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, string(toxic))
	}
	return rig.Proxy(t, target, both...).Listen
}
