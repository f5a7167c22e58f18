package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// Every principal and every request has exactly what the schema declares, and
// the schema declares no other principal.
func TestSchema_EqualsRequests(t *testing.T) {
	t.Parallel()
	var s schema.Schema
	if err := s.UnmarshalCedar(Schema); err != nil {
		t.Fatal(err)
	}
	declared, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	validator := validate.New(declared)
	var kinds []types.EntityType
	for _, principal := range []Principal{
		Operator("https://login.example.com", "00u1", "amelia@example.com", []string{"a"}, map[string][]string{"amr": {"mfa"}, "none": nil}),
		AwsPrincipal("arn:aws:iam::123456789012:user/a", "123456789012"), Service("service"), LoadBalancer("arn"), Anonymous(),
	} {
		for _, address := range []netip.Addr{{}, netip.MustParseAddr("203.0.113.7")} {
			q := Question{principal, "X1", "amelia@example.com", "Finance", "api", "default", address, time.Now()}
			request, entities := q.request()
			if err := validator.Request(request); err != nil {
				t.Errorf("%v: %v", principal, err)
			}
			if err := validator.Entities(entities); err != nil {
				t.Errorf("%v: %v", principal, err)
			}
		}
		kinds = append(kinds, principal.uid().Type)
	}
	if want := declared.Actions[types.NewEntityUID("Action", Action)].AppliesTo.Principals; !slices.Equal(kinds, want) {
		t.Errorf("the principals are %v, and the schema declares %v", kinds, want)
	}
}
