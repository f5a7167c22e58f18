package e2e_test

import (
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
)

// markedSecret is the client secret. It consists of letters and digits, so that escaping does not hide it in output.
const markedSecret = "MARKED5ECRETdoNotPrint"

// secretValue is the secret with the credentials that the simulator accepts.
const secretValue = `{"clientId":"` + atlastest.DefaultClientID + `","clientSecret":"` + markedSecret + `"}`

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
	atlas := atlastest.NewServer(&atlastest.Options{Listener: listener, ClientSecret: markedSecret, Logf: t.Logf})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, address)
	rig.CreateSecret(t, moto, secretName, secretValue)
	return upstreams{network, atlas, moto}
}

// parameters returns the stack's parameters for the upstreams, and more.
func (u upstreams) parameters(more ...string) []string {
	return append([]string{"AtlasBaseUrl=" + u.atlas.URL, "SecretsManagerEndpointUrl=" + u.moto}, more...)
}

// mintedURL returns the url of a reply: an HTTP response, or an object with a url. Any other reply ends the test.
func mintedURL(t *testing.T, reply []byte) string {
	t.Helper()
	var answer struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
		URL        string `json:"url"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatalf("the reply is not JSON: %v\n%s", err, reply)
	}
	if answer.StatusCode != 0 {
		if answer.StatusCode != 200 {
			t.Fatalf("answered %d: %s", answer.StatusCode, answer.Body)
		}
		if err := json.Unmarshal([]byte(answer.Body), &answer); err != nil {
			t.Fatalf("the reply's body is not JSON: %v\n%s", err, answer.Body)
		}
	}
	if answer.URL == "" {
		t.Fatalf("the reply has no url: %s", reply)
	}
	return answer.URL
}

// keepsSecret fails the test if output contains the client secret or the token of a link.
func keepsSecret(t *testing.T, output, link string) {
	t.Helper()
	if strings.Contains(output, markedSecret) {
		t.Error("the output contains the client secret")
	}
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("the link has no token: %q", link)
	}
	if strings.Contains(output, u.Query().Get("token")) {
		t.Error("the output contains the token of a link")
	}
}
