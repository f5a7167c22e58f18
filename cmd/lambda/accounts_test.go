package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

// One deployment serves several accounts, each with its own address and secret, and
// compares a candidate policy.
func TestFunction_AccountsAndCandidate(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	other := atlastest.NewServer(nil)
	t.Cleanup(other.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mine.cedar": `permit(principal is Service, action, resource) when {
			context.account == (if context.role == "Admin" then "brand-b" else if context.role == "Finance" then "default" else "brand-c") };`,
		"next.cedar": `permit(principal is Service, action, resource) when { context.account == "brand-b" };`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.Env["ATRIP_POLICY_FILE"], f.Env["ATRIP_POLICY_CANDIDATE_FILE"] = filepath.Join(dir, "mine.cedar"), filepath.Join(dir, "next.cedar")
	f.Env["ATRIP_ACCOUNTS"] = fmt.Sprintf(`{"brand-b":{"baseUrl":%q,"secretArn":%q},"brand-c":{"baseUrl":%q,"secretArn":"missing"}}`,
		other.URL, f.Secrets.ARN, other.URL)
	f.Start(t)
	for role, want := range map[string]string{"Admin": other.URL, "Finance": f.Atlas.URL, "Developer": "SecretUnavailable"} {
		if _, got := ask(t, f, strings.Replace(event, "Finance", role, 1), "service"); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", role, got, want)
		}
	}
	f.Stop()
	differs := map[any]int{}
	for _, line := range checkLog(t, f.Stdout()) {
		differs[line["CandidateDiffers"]]++
		if line["coldStart"] == true && (line["Policies"] != 1.0 || line["PolicyAgeSeconds"].(float64) <= 0) {
			t.Errorf("a cold start reports %v policies, %v s old", line["Policies"], line["PolicyAgeSeconds"])
		}
	}
	if differs[0.0] != 1 || differs[1.0] != 2 {
		t.Errorf("CandidateDiffers has the values %v", differs)
	}
}
