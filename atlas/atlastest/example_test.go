package atlastest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"atriptoken/atlas/atlastest"
)

// post is what a client of Atlas does.
func post(baseURL string) string {
	request, err := http.NewRequest(http.MethodPost, baseURL+"/getAtripToken.do",
		strings.NewReader(`{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Atlas-Client-Id", atlastest.DefaultClientID)
	request.Header.Set("X-Atlas-Client-Secret", atlastest.DefaultClientSecret)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	before, _, _ := strings.Cut(string(body), "?token=")
	return strings.ReplaceAll(before, baseURL, "{server}")
}

func ExampleNewServer() {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	fmt.Println(post(atlas.URL))
	for _, call := range atlas.Requests() {
		fmt.Println(call.Method, call.Path, call.Header.Get("X-Atlas-Client-Id"))
	}
	// Output:
	// {"url":"{server}/portal
	// POST /getAtripToken.do example-client
}

func ExampleServer_Script() {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	atlas.Script(atlastest.RateLimited(1, http.StatusOK), atlastest.SystemError())
	for range 3 {
		fmt.Println(post(atlas.URL))
	}
	// Output:
	// {"code":429,"message":"too many requests","limitType":"QPS","limit":1,"retryAfter":1}
	// {"url":"","status":2,"msg":"system error"}
	// {"url":"{server}/portal
}

func ExampleServer_SetCredentials() {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	atlas.SetCredentials(atlastest.Credential{ClientID: "example-client", ClientSecret: "rotated"})
	fmt.Println(post(atlas.URL))
	// Output: {"url":"","status":3,"msg":"unauthorized access"}
}
