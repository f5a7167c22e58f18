package apipage_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"atriptoken/cmd/local/internal/apipage"
)

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

func TestPageShowsTheWholeDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h, err := apipage.New(text)
	if err != nil {
		t.Fatal(err)
	}
	page := get(t, h, "/").Body.String()
	for _, want := range []string{
		"ATRIP token broker", "getAtripToken.do", "X-Atrip-Account", ">200<", ">504<", "AtlasRateLimited", "Too Many Requests",
		"&#34;pointer&#34;: &#34;/role&#34;", "AWS Signature Version 4", "<code>Problem</code>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if i, j := strings.Index(page, "<code>Request</code>"), strings.Index(page, "<code>GatewayError</code>"); i < 0 || j < i {
		t.Error("the schemas are not in the document's order")
	}
	if got := get(t, h, "/openapi.yaml").Body.String(); got != string(text) {
		t.Error("openapi.yaml is not the document")
	}
	if got := get(t, h, "/page.css"); got.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("page.css is %s", got.Header().Get("Content-Type"))
	}
	if got := get(t, h, "/other").Code; got != http.StatusNotFound {
		t.Errorf("/other: %d, want 404", got)
	}
}

func TestTextIsNotMarkup(t *testing.T) {
	t.Parallel()
	h, err := apipage.New([]byte("info: {title: '<script>alert(1)</script>', version: '1'}"))
	if err != nil {
		t.Fatal(err)
	}
	if page := get(t, h, "/").Body.String(); strings.Contains(page, "<script>") {
		t.Error("the title was written as markup")
	}
}

func TestDocumentThatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"info: [", "paths: 7", "paths: {/a: {post: {responses: 7}}}"} {
		if _, err := apipage.New([]byte(text)); err == nil || !strings.Contains(err.Error(), "the API's description") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
