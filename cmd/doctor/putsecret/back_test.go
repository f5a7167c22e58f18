package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

// history simulates Secrets Manager's calls on the versions of a secret, the oldest first; the last is current.
type history struct {
	values  []string
	current int
	denied  bool // the values
}

func (h *history) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ VersionID, MoveToVersionID, RemoveFromVersionID, VersionStage string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(err)
	}
	number := func(version string) int { return int(version[len(version)-1] - '1') }
	switch operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."); {
	case operation == "ListSecretVersionIds":
		entries := []string{}
		for i := range h.values {
			stages := "[]"
			if i == h.current {
				stages = `["AWSCURRENT"]`
			}
			entries = append(entries, fmt.Sprintf(`{"VersionId":"version-%d","CreatedDate":%d,"VersionStages":%s}`, i+1, 1773342238+i, stages))
		}
		slices.Reverse(entries)
		fmt.Fprintf(w, `{"Versions":[%s]}`, strings.Join(append(entries[1:], entries[0]), ",")) // in no order
	case operation == "GetSecretValue" && h.denied:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"example"}`)
	case operation == "GetSecretValue":
		fmt.Fprintf(w, `{"VersionId":%q,"SecretString":%q}`, in.VersionID, h.values[number(in.VersionID)])
	case operation == "UpdateSecretVersionStage" && in.VersionStage == "AWSCURRENT" && number(in.RemoveFromVersionID) == h.current:
		h.current = number(in.MoveToVersionID)
		fmt.Fprint(w, `{}`)
	default:
		panic(operation)
	}
}

func TestBack(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	const wrong = `{"clientId":"example-client","clientSecret":"wrong"}`
	for _, row := range []struct {
		rule    string
		values  []string
		denied  bool
		args    []string
		current int // afterwards
		code    int
		says    string
	}{
		{"to the version before", []string{good, wrong}, false, nil, 1, 0, "version version-1 is current again"},
		{"past another wrong version, which has no label", []string{good, wrong, wrong}, false, nil, 1, 0, "version version-2 is passed over"},
		{"past a version in another form", []string{good, "{}", wrong}, false, nil, 1, 0, "version version-2 is passed over"},
		{"to the newest of the good ones", []string{good, good, wrong}, false, nil, 2, 0, "version version-2 is current again"},
		{"to no refused version", []string{wrong, wrong}, false, nil, 2, 2, "no older version to go back to; nothing was changed"},
		{"from the only version", []string{wrong}, false, nil, 1, 2, "no older version to go back to"},
		{"without permission to read", []string{good, wrong}, true, nil, 2, 2, "may not call Secrets Manager GetSecretValue"},
		{"unchecked, to the version before", []string{good, wrong, wrong}, true, []string{"-unchecked"}, 2, 0, "version version-2 is current"},
		{"while Atlas is down", []string{good, wrong}, false, []string{"-atlas-url", "http://127.0.0.1:1"}, 2, 4, "is not known"},
	} {
		account(t, atlas.URL)
		h := &history{values: row.values, current: len(row.values) - 1, denied: row.denied}
		server := httptest.NewServer(h)
		t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL)
		code, stderr := putsecret(t, strings.NewReader(""), append([]string{"-back", "-stack", "broker"}, row.args...)...)
		if code != row.code || h.current != row.current-1 || !strings.Contains(stderr, row.says) {
			t.Errorf("%s: exit code %d, version %d is current, %q; want %d, %d and %q",
				row.rule, code, h.current+1, stderr, row.code, row.current, row.says)
		}
		server.Close()
	}
}
