package handler_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"atriptoken/atlas"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/policy"
	"atriptoken/secret"
)

// A service's request, with a stand-in for Atlas and a policy for services.
func ExampleHandler_Invoke() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"url":"https://atriptech.com/login?token=example","status":0,"msg":null}`)
	}))
	defer server.Close()
	baseURL, _ := atlas.ParseBaseURL(server.URL, true)
	hosts, _ := atlas.ParseHosts("atriptech.com")
	rules, _ := policy.Parse("example.cedar", []byte(`@id("services") permit(principal is Service, action, resource);`))

	h, err := handler.New(handler.Config{
		Account: handler.Account{
			Atlas: &atlas.Client{BaseURL: baseURL, PortalHosts: hosts},
			Secret: &secret.Store{Fetch: func(context.Context, string) (secret.Credentials, error) {
				return secret.Credentials{ClientID: "example", ClientSecret: redact.New("example"), Version: "1"}, nil
			}},
		},
		Policy:         rules,
		Roles:          []string{"Customer service", "Finance"},
		NameClaim:      "email",
		GroupsClaim:    "groups",
		AttemptTimeout: 8 * time.Second,
		Logger:         slog.New(slog.DiscardHandler), // the audit lines
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, role := range []string{"Finance", "Owner"} {
		event := fmt.Sprintf(`{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":%q}`, role)
		reply, err := h.Invoke(context.Background(), []byte(event))
		fmt.Println(string(reply), err != nil)
	}
	// Output:
	// {"url":"https://atriptech.com/login?token=example","status":0,"msg":null} false
	//  true
}
