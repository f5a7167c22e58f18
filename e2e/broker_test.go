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

// What must never be written anywhere: a token url's query and the client secret. The secret is marked, so that a
// search of a process's output finds it in any place and under any escaping that keeps letters.
const markedSecret = "MARKED5ECRETdoNotPrint"

// secretValue is the JSON form of the Atlas credentials that the simulator accepts.
const secretValue = `{"clientId":"` + atlastest.DefaultClientID + `","clientSecret":"` + markedSecret + `"}`

// secretName is the logical id of the stack's secret, which SAM CLI gives the function in place of an ARN.
const secretName = "AtlasSecret"

// inDocker is what the function calls when it runs in SAM's container: Atlas's simulator and moto's Secrets Manager,
// which listen where the containers of a Docker network reach this machine.
type inDocker struct {
	network string
	atlas   *atlastest.Server
	moto    string
}

func startInDocker(t *testing.T) inDocker {
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
	return inDocker{network, atlas, moto}
}

// parameters returns the stack's parameters that point the function at the simulators, and more.
func (d inDocker) parameters(more ...string) []string {
	return append([]string{"AtlasBaseUrl=" + d.atlas.URL, "SecretsManagerEndpointUrl=" + d.moto}, more...)
}

// mintedURL returns the portal url of a reply, whatever the caller's form: an HTTP answer whose body holds it, Atlas's
// own object, or a flat map. Any other reply, an error among them, ends the test.
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

// keepsSecret fails the test when output holds the client secret or the token of a minted url.
func keepsSecret(t *testing.T, output string, minted ...string) {
	t.Helper()
	if strings.Contains(output, markedSecret) {
		t.Error("the output holds the client secret")
	}
	for _, link := range minted {
		u, err := url.Parse(link)
		if err != nil || u.RawQuery == "" {
			t.Fatalf("not a minted url: %q", link)
		}
		for _, values := range u.Query() {
			if strings.Contains(output, values[0]) {
				t.Errorf("the output holds the token of a minted url")
			}
		}
	}
}
