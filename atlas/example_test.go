package atlas_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/internal/redact"
)

func ExampleClient_GetToken() {
	server := atlastest.NewServer(&atlastest.Options{PublicURL: "https://www.atriptech.com"})
	defer server.Close()
	server.Script(atlastest.RateLimited(2, 200))

	base, err := atlas.ParseBaseURL(server.URL, false)
	if err != nil {
		fmt.Println("ATLAS_BASE_URL", err)
		return
	}
	hosts, err := atlas.ParseHosts("atriptech.com,*.atriptech.com")
	if err != nil {
		fmt.Println("ATLAS_PORTAL_HOSTS", err)
		return
	}
	client := &atlas.Client{BaseURL: base, PortalHosts: hosts}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	for range 2 {
		reply, err := client.GetToken(ctx,
			atlas.Credentials{ClientID: "example-client", ClientSecret: redact.New("example-secret")},
			atlas.Request{OrderNo: "XPFIW20220209163159425", UserName: "amelia@example.com", Role: "Finance"})
		var failed *atlas.Error
		if errors.As(err, &failed) {
			fmt.Println(failed, "- wait", failed.RetryAfter)
			continue
		}
		fmt.Println(reply.Status, reply.URL) // Reveal returns the url itself
	}
	// Output:
	// Atlas limits the rate (status 429) - wait 2s
	// 0 [redacted]
}
