// Package e2e tests the broker with real parts: SAM CLI, which runs it under Lambda's Runtime Interface Emulator in Docker, moto's
// Secrets Manager and a browser. It is a separate module, so that the product's go.mod has none of their dependencies. Package
// rig starts the parts, `make verify` installs them and runs the tests.
package e2e

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
)

// secretValue is the secret with the credentials that the simulator accepts.
const secretValue = `{"clientId":"` + atlastest.DefaultClientID + `","clientSecret":"` + atlastest.DefaultClientSecret + `"}`

// secretName is the logical id of the stack's secret, which SAM CLI passes to the function instead of an ARN.
const secretName = "AtlasSecret"

// upstreams are Atlas's simulator and moto's Secrets Manager, for a function in a container of a Docker network.
type upstreams struct {
	network string
	atlas   *atlastest.Server
	moto    string
}

func startUpstreams(t *testing.T) upstreams {
	t.Helper()
	network, address := rig.Network(t)
	listener, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	atlas := atlastest.NewServer(&atlastest.Options{Listener: listener, Logf: t.Logf})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, address)
	rig.AWS(t, moto, "secretsmanager", "create_secret", map[string]any{"Name": secretName, "SecretString": secretValue})
	return upstreams{network, atlas, moto}
}

// parameters returns the stack's parameters: more, and the upstreams.
func (u upstreams) parameters(more ...string) []string {
	return append(more, "AtlasBaseUrl="+u.atlas.URL, "SecretsManagerEndpointUrl="+u.moto)
}

var link = regexp.MustCompile(`"(https?://[^"\\]+\?token=([^"\\&]+))`)

// hasLink fails the test if the reply has no link to Atlas's portal, or if the log contains the client secret or the link's
// token.
func hasLink(t *testing.T, atlas *atlastest.Server, reply []byte, log string) {
	t.Helper()
	found := link.FindSubmatch(reply)
	if found == nil || !strings.HasPrefix(string(found[1]), atlas.URL) {
		t.Fatalf("the reply has no link to the simulator's portal: %s\n%s", reply, log)
	}
	if strings.Contains(log, atlastest.DefaultClientSecret) || strings.Contains(log, string(found[2])) {
		t.Error("the log contains the client secret, or the token of a link")
	}
}
